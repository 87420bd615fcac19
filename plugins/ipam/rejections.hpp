#pragma once
/// What peers told or asked and this node did not take: counted, and now and then in the log.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <weft/loop.hpp>

#include "ring.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

/// Why this node did not take what a peer told or asked. The first are those of Refusal.
inline constexpr std::array<std::string_view, 10> refusal_reasons{
    "out-of-order",
    "out-of-range",
    "version",
    "too-many",
    "other-ring",               ///< seeded differently, or of another range
    "nickname",                 ///< of a peer neither in the mesh nor in the ring
    "request-of-unknown-peer",  ///< for space
    "request-rate",             ///< for space, more often than in need
    "question-rate",            ///< for the ring, too often
    "denial"                    ///< of an address that is not the sender's
};

class Rejections {
 public:
  explicit Rejections(Surroundings& surroundings) : surroundings_(surroundings) {}

  /// `reason` is one of refusal_reasons.
  void count(std::string_view reason, std::size_t times = 1);
  /// What a merge outbid and refused. `teller` is for people: a gossiped ring does not prove it.
  void report(const MergeOutcome& outcome, const std::string& teller);

  /// Somebody gives a range of this node away, again and again after this node outbid it.
  struct Contest {
    RingEntry entry;     ///< what was said last
    std::string teller;  ///< by whom
    TimePoint since{};
    TimePoint last{};
  };
  /// One that lasts and goes on; nothing while there is none.
  [[nodiscard]] std::optional<Contest> contest() const;

  /// Entries that would have taken ranges from this node.
  [[nodiscard]] std::uint64_t outbid() const noexcept { return outbid_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  /// Lets one line of a kind into the log now and then.
  struct LogGate {
    TimePoint next{};
    std::uint64_t untold = 0;  // lines held back since the last one
  };
  [[nodiscard]] bool may_log(LogGate& gate);

  Surroundings& surroundings_;
  std::uint64_t outbid_ = 0;
  std::uint64_t refused_ = 0;
  std::optional<Contest> contest_;
  LogGate outbid_lines_;
  LogGate refusal_lines_;
};

}  // namespace weft::ipam
