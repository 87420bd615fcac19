#pragma once
/// Short ids of peers, both ways. Immutable once built: lanes read it.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "tunnel.hpp"

namespace weft::fastdp {

class PeerIds {
 public:
  PeerIds() = default;
  /// When several peers claim one id, the lowest name has it: the others choose anew.
  explicit PeerIds(const Topology& topology);

  /// The zero name when nobody has it.
  [[nodiscard]] PeerName peer(std::uint16_t id) const noexcept { return by_id_[id]; }
  [[nodiscard]] std::optional<std::uint16_t> id(PeerName peer) const noexcept;

  bool operator==(const PeerIds&) const = default;

 private:
  struct Entry {
    PeerName peer{};
    std::uint16_t id = 0;

    bool operator==(const Entry&) const = default;
  };

  std::vector<Entry> by_peer_;  // sorted
  std::array<PeerName, short_ids> by_id_{};
};

/// Ids whose owners have others now: a peer that starts again chooses anew. Its kernel may go on
/// taking frames for the former one while it starts; afterwards nobody takes them.
class FormerIds {
 public:
  /// How long a peer that can be reached may need until it takes frames by its new id.
  static constexpr Duration wait = std::chrono::seconds{5};

  /// What the topology says now.
  void update(const PeerIds& now);
  /// The ids that are of no use any more, each once: their peers have been reached for long enough.
  [[nodiscard]] std::vector<std::uint16_t> take_useless(
      TimePoint now, const std::function<bool(PeerName)>& is_reached);
  /// When the next will be, if its peer stays in reach.
  [[nodiscard]] std::optional<TimePoint> next() const;

 private:
  struct Former {
    PeerName peer{};
    std::optional<TimePoint> reached_since{};
  };

  std::array<PeerName, short_ids> last_{};  // the last owner of each id
  std::map<std::uint16_t, Former> former_;  // that are nobody's now
};

}  // namespace weft::fastdp
