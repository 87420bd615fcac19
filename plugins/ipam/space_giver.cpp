/// Decides who gets space, and gives it once that is on disk.

#include "space_giver.hpp"

#include <chrono>
#include <optional>

namespace weft::ipam {
namespace {

/// Peers whose requests wait for the ring; the others ask again.
constexpr std::size_t max_early = 64;

}  // namespace

void SpaceGiver::requested(AddressRange wanted, PeerName peer) {
  if (may_have(wanted, peer)) {
    give(wanted, peer);
  }
}

/// Peers that exist may, and not too often.
bool SpaceGiver::may_have(AddressRange wanted, PeerName peer) {
  if (peer == self_ || !surroundings_.is_known(peer)) {
    rejections_.count("request-of-unknown-peer");
    return false;
  }
  const TimePoint now = surroundings_.now();
  if (!(wanted.size() > 1 ? donations_ : singles_).take(peer, now) || !of_all_.take(now)) {
    rejections_.count("request-rate");
    return false;
  }
  return true;
}

// Source: weaveworks/weave ipam/allocator.go, donateSpace.
void SpaceGiver::give(AddressRange wanted, PeerName peer) {
  if (!disk_.has_ring()) {
    if (early_.size() < max_early || early_.contains(peer)) {
      early_[peer] = {wanted, surroundings_.now()};
    }
    if (!ring_.is_empty()) {
      answer_early();
    }
    return;
  }
  // A donation adds two entries at most.
  const bool has_room = ring_.state().entries.size() + 2 <= max_ring_entries;
  const auto chunk = has_room ? space_.donate(wanted) : std::nullopt;
  if (chunk) {
    ring_.grant(*chunk, peer);
    disk_.granted();
  }
  disk_.then([this, wanted, peer, is_given = chunk.has_value()](const Result<>& saved) {
    if (!saved) {
      return;
    }
    if (is_given) {
      surroundings_.broadcast_state();
    } else {
      surroundings_.unicast(peer, encode_range_message(MessageKind::space_denied, wanted),
                            [](const Result<>&) {});
    }
    send_ring_(peer);
  });
}

void SpaceGiver::ring_changed() {
  if (!early_.empty()) {
    answer_early();
  }
}

/// Peers that heard of a new ring first asked for space before this node had the ring on disk.
void SpaceGiver::answer_early() {
  disk_.then([this](const Result<>& saved) {
    if (!saved) {
      return;
    }
    const TimePoint now = surroundings_.now();
    for (const auto& [peer, request] : std::exchange(early_, {})) {
      if (now - request.asked < message_retry_interval) {  // later ones were asked again
        give(request.wanted, peer);
      }
    }
    settle_();
  });
}

}  // namespace weft::ipam
