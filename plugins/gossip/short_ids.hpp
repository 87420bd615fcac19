#pragma once
/// Who owns which short id. Two peers may choose the same one: then the lower name is principal,
/// and only a principal can be addressed by the id.
/// Source: weaveworks/mesh peers.go, addByShortID and deleteByShortID.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <weft/net/peer_name.hpp>

namespace weft::gossip {

using ShortId = std::uint16_t;
inline constexpr ShortId short_id_count = 1U << 12U;

class ShortIds {
 public:
  /// Each answers whether an id's meaning changed, so that flows by that id must be forgotten:
  /// another principal, or an id used before has an owner again.
  bool insert(ShortId id, PeerName name);
  bool erase(ShortId id, PeerName name);

  /// The lowest-named owner.
  [[nodiscard]] std::optional<PeerName> principal(ShortId id) const;

  /// An id without owner: a few random tries, then a uniform choice among all that are free. None
  /// when all are taken. `draw(n)` gives a uniformly random integer in [0, n).
  template <class Draw>
  [[nodiscard]] std::optional<ShortId> choose_free(Draw draw) const {
    constexpr int tries = 10;
    for (int i = 0; i < tries; ++i) {
      const auto id = static_cast<ShortId>(draw(short_id_count));
      if (slots_[id].owners.empty()) {
        return id;
      }
    }
    return nth_free(draw);
  }

 private:
  struct Slot {
    std::set<PeerName> owners;  // the first is principal
    bool was_used = false;
  };

  [[nodiscard]] std::vector<ShortId> free_ids() const;

  template <class Draw>
  [[nodiscard]] std::optional<ShortId> nth_free(Draw draw) const {
    const std::vector<ShortId> free = free_ids();
    if (free.empty()) {
      return std::nullopt;
    }
    return free[draw(free.size())];
  }

  std::vector<Slot> slots_ = std::vector<Slot>(short_id_count);
};

}  // namespace weft::gossip
