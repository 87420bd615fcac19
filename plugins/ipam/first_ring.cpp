/// Proposes, hears votes, and searches for a ring that was lost.

#include "first_ring.hpp"

#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "ceilings.hpp"

namespace weft::ipam {
namespace {

/// A node that lost its state waits so long for a peer that knows the ring. Whoever saw its old
/// connections end calls it within this time.
constexpr Duration search_time = std::chrono::seconds{20};

}  // namespace

FirstRing::FirstRing(Surroundings& surroundings, const Settings& settings, const Ring& ring,
                     std::function<void(std::vector<PeerName>)> agreed)
    : surroundings_(surroundings), settings_(settings), ring_(ring), agreed_(std::move(agreed)) {
  if (settings_.init.kind != InitMode::Kind::observer) {
    elector_.emplace(NodeId{settings_.self, settings_.uid});
  }
}

void FirstRing::search(Task in_vain) {
  surroundings_.log().warn(
      "no address ring is stored but pods run on: this node lost its saved state; waiting for a "
      "peer that knows the ring",
      "seconds", std::chrono::duration_cast<std::chrono::seconds>(search_time).count());
  is_searching_ = true;
  in_vain_ = std::move(in_vain);
  search_ = surroundings_.after(search_time, [this] {
    is_searching_ = false;
    surroundings_.log().warn(
        "no peer told the address ring that this node lost; it goes on as at its first start");
    std::exchange(in_vain_, {})();
  });
  surroundings_.broadcast_state();
}

void FirstRing::establish() {
  if (!ring_.is_empty() || is_under_way()) {
    return;
  }
  is_voting_ = true;
  if (elector_) {
    // Without a configured size: every direct peer and this one.
    const std::size_t peers =
        settings_.init.peers > 0 ? settings_.init.peers : surroundings_.direct_peers() + 1;
    elector_->set_quorum(peers / 2 + 1);
    surroundings_.log().info("seeking consensus on the division of the address range", "quorum",
                             elector_->quorum());
  }
  propose();
}

void FirstRing::propose() {
  if (elector_) {
    elector_->propose();
  }
  surroundings_.broadcast_state();  // an observer's state asks for a ring
  decide();
}

void FirstRing::decide() {
  if (!elector_) {
    return;
  }
  if (auto peers = elector_->consensus()) {
    surroundings_.log().info("peers agreed on the division of the address range", "peers",
                             peers->size());
    agreed_(std::move(*peers));
  }
}

bool FirstRing::retry() {
  if (is_voting_) {
    if (elector_) {
      elector_->forget_unknown([this](PeerName peer) { return surroundings_.is_known(peer); });
    }
    propose();
    return true;
  }
  if (is_searching_) {
    surroundings_.broadcast_state();  // whoever has a ring answers
  }
  return is_searching_;
}

void FirstRing::hear(const PaxosState& received) {
  if (!elector_ ||
      !elector_->update(received, round_ceiling(surroundings_.wall_now()),
                        [this](PeerName peer) { return surroundings_.is_known(peer); })) {
    return;
  }
  if (elector_->think()) {
    surroundings_.broadcast_state();
  }
  decide();
}

void FirstRing::end() {
  is_voting_ = false;
  is_searching_ = false;
  search_.cancel();
  elector_.reset();
}

std::optional<VoteStatus> FirstRing::vote() const {
  if (!is_voting_) {
    return std::nullopt;
  }
  return elector_ ? VoteStatus{true, elector_->known().size(), elector_->quorum()} : VoteStatus{};
}

std::string FirstRing::why_none() const {
  if (is_searching_) {
    return "this node lost its saved state and waits for a peer that knows the address ring";
  }
  if (!elector_) {
    return "no peer with an address ring answered, and this node only observes";
  }
  return fmt::format("no quorum yet: known {} of {} peers", elector_->known().size(),
                     elector_->quorum());
}

}  // namespace weft::ipam
