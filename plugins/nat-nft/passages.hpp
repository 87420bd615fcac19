#pragma once
/// Which traffic of pods vanishes in the kernel: it comes into a hook, and none of it comes out.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/loop.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "traffic.hpp"

namespace weft::nat {

/// How many packets each rule of our table has counted, by "CHAIN/COMMENT", and how many the guard
/// of nodes' ports has dropped on their way to the outside, by "guard".
using Counts = std::map<std::string, std::uint64_t, std::less<>>;

/// Over `netfilter`: microseconds. Errors: the kernel's.
[[nodiscard]] Result<Counts> read_counts(nl::Socket& netfilter);

/// Traffic that does not come out of a hook.
struct Loss {
  Traffic traffic;
  std::uint32_t hook = 0;     ///< NF_INET_FORWARD, ...
  std::uint64_t packets = 0;  ///< that came in since the last one that came out
  int windows = 0;            ///< within so many
  bool operator==(const Loss&) const = default;
};

/// How often counts are compared, and in how many windows packets have come in when they are lost.
inline constexpr Duration window = std::chrono::seconds(10);
inline constexpr int lost_windows = 2;
/// So many packets in all: one attempt to connect is no traffic to judge by.
inline constexpr std::uint64_t lost_packets = 10;

/// Compares counts with those before. There is a loss only when many packets come in during several
/// windows, none comes out, and no minute passes without any: policies that drop a part of the
/// traffic are none, and what a flowtable takes past the hooks is counted on neither side.
class Passages {
 public:
  /// To be called every `window`. `is_outside_routed`: there is a default route; without one the
  /// routing drops what pods send to the outside, as it should. Asked only where that matters.
  void take(Counts counts, const std::function<bool()>& is_outside_routed);
  /// As of the last call.
  [[nodiscard]] std::vector<Loss> losses() const;

  static constexpr std::size_t number = 8;

 private:
  /// Since the last packet that came out.
  struct State {
    std::uint64_t lost = 0;
    int windows = 0;  // since the first that was lost
    int busy = 0;     // of them, in which some were lost
    int idle = 0;     // the last ones, in which none came in
  };

  static void take(State& state, std::uint64_t lost, std::uint64_t passed);

  std::optional<Counts> last_;
  std::array<State, number> states_;
};

/// "forward", for people.
[[nodiscard]] std::string_view name_of_hook(std::uint32_t hook) noexcept;
/// "40 packets came in within 20 s and none came out".
[[nodiscard]] std::string describe(const Loss& loss);
/// Commands that show which rule drops it.
[[nodiscard]] std::string how_to_trace(const Loss& loss, const std::string& bridge);

}  // namespace weft::nat
