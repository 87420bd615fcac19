#pragma once
/// Peers as lanes find them: a table that the loop publishes.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <weft/lane.hpp>

namespace weft::overlay {

/// One peer for each key, such as the number of its connection, or its name. Changed by the loop;
/// `find` is for lanes. A peer lives until it was removed and every lane has passed a quiescent
/// point.
template <class Key, class Peer>
class PeerTable {
 public:
  explicit PeerTable(Lanes& lanes) : published_(lanes) {}

  /// Replaces the peer that had the key.
  void set(const Key& key, std::shared_ptr<Peer> peer) {
    Entries next = *published_.owner();
    const auto at = std::ranges::lower_bound(next, key, {}, &Entry::first);
    if (at != next.end() && at->first == key) {
      at->second = std::move(peer);
    } else {
      next.emplace(at, key, std::move(peer));
    }
    publish(std::move(next));
  }

  /// Removes the peer, unless another one has taken the key over. False when it was not there.
  bool remove(const Key& key, const Peer& peer) {
    Entries next = *published_.owner();
    const auto at = std::ranges::lower_bound(next, key, {}, &Entry::first);
    if (at == next.end() || at->first != key || at->second.get() != &peer) {
      return false;
    }
    next.erase(at);
    publish(std::move(next));
    return true;
  }

  void clear() { publish({}); }

  /// All of them, by key. For the loop.
  [[nodiscard]] const std::vector<std::pair<Key, std::shared_ptr<Peer>>>& all() const noexcept {
    return *published_.owner();
  }

  /// On a lane: null when nobody has the key; valid until the lane's next quiescent point. On the
  /// loop: valid until the next change.
  [[nodiscard]] Peer* find(const Key& key) const noexcept {
    const Entries& entries = published_.read();
    const auto at = std::ranges::lower_bound(entries, key, {}, &Entry::first);
    return at != entries.end() && at->first == key ? at->second.get() : nullptr;
  }

 private:
  using Entry = std::pair<Key, std::shared_ptr<Peer>>;
  using Entries = std::vector<Entry>;  // sorted by key

  void publish(Entries next) {
    published_.publish(std::make_shared<const Entries>(std::move(next)));
  }

  LaneLocal<Entries> published_;
};

}  // namespace weft::overlay
