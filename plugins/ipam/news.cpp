/// Spreads the news.

#include "news.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ceilings.hpp"

namespace weft::ipam {
namespace {

using namespace std::chrono_literals;

/// What contradicts this node is answered this often at most.
constexpr Duration interval = 1s;
/// Peers that are told at a time, and that are remembered.
constexpr std::size_t most_told = 16;
constexpr std::size_t most_to_tell = 256;
/// Peers that this node may have to ask for what it left out of their rings, one at a time.
constexpr std::size_t most_to_ask = 16;
/// Clocks of peers may differ by so much: what is ahead of them is broadcast again.
constexpr Duration clocks_differ = 2s;

}  // namespace

void News::tell(PeerName peer) {
  if (to_tell_.size() < most_to_tell && surroundings_.is_known(peer)) {
    to_tell_.insert(peer);
  }
}

void News::ask(PeerName peer) {
  if (to_ask_.size() < most_to_ask && peer != self_ && surroundings_.is_known(peer)) {
    to_ask_.insert(peer);
  }
}

void News::spread() {
  if ((!is_outbid_untold_ && to_tell_.empty() && to_ask_.empty()) || is_armed_) {
    return;
  }
  const TimePoint now = surroundings_.now();
  if (last_ && now - *last_ < interval) {
    is_armed_ = true;
    later_ = surroundings_.after(*last_ + interval - now, [this] {
      is_armed_ = false;
      spread();
      disk_.save();
    });
    return;
  }
  last_ = now;
  if (std::exchange(is_outbid_untold_, false)) {
    broadcast_outbid();
  }
  for (std::size_t told = 0; told < most_told && !to_tell_.empty(); ++told) {
    const PeerName peer = *to_tell_.begin();
    to_tell_.erase(to_tell_.begin());
    hooks_.send_ring(peer);
    if (hooks_.is_awaited(peer)) {
      send_question(peer);
    }
  }
  if (!to_ask_.empty()) {
    send_question(to_ask_.extract(to_ask_.begin()).value());
  }
  spread();  // later, what is left
}

/// A state without a ring asks for one; every peer answers it.
void News::send_question(PeerName peer) {
  surroundings_.unicast(peer, encode_ring_update(encode_gossip({}, self_)), [](const Result<>&) {});
}

/// Again, as long as some clocks may not believe it.
void News::broadcast_outbid() {
  disk_.then([this](const Result<>& saved) {
    is_outbid_untold_ = is_outbid_untold_ || !saved;
    if (saved) {
      surroundings_.broadcast_state();
    }
  });
  is_outbid_untold_ = is_ahead_of_clocks();
}

bool News::is_ahead_of_clocks() const {
  const std::uint32_t believed = version_ceiling(surroundings_.wall_now() - clocks_differ);
  return std::ranges::any_of(ring_.state().entries, [&](const RingEntry& entry) {
    return entry.peer == self_ && entry.version > believed;
  });
}

}  // namespace weft::ipam
