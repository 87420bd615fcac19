/// The three steps of Paxos as functions of what is known: promise, accept request, accepted.

#include "paxos.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include <weft/result.hpp>

namespace weft::ipam {

bool Elector::update(const PaxosState& received, std::uint64_t round_ceiling, IsKnown is_known) {
  bool is_changed = false;
  auto unknown = static_cast<std::size_t>(std::ranges::count_if(
      known_, [&is_known](const auto& entry) { return !is_known(entry.first.name); }));
  for (const auto& [node, theirs] : received) {
    if (std::max({theirs.promise.round, theirs.accepted.round, theirs.value.origin.round}) >
            round_ceiling ||
        theirs.value.peers.size() > max_vote_peers) {
      continue;
    }
    const auto found = known_.find(node);
    if (found == known_.end()) {
      const bool is_stranger = !is_known(node.name);
      if (has_room_for(node) && (!is_stranger || unknown < max_unknown_votes)) {
        known_.emplace(node, theirs);
        unknown += is_stranger ? 1 : 0;
        is_changed = true;
      }
      continue;
    }
    NodeClaims& ours = found->second;
    if (ours.promise < theirs.promise) {
      ours.promise = theirs.promise;
      is_changed = true;
    }
    if (ours.accepted < theirs.accepted) {
      ours.accepted = theirs.accepted;
      ours.value = theirs.value;
      is_changed = true;
    }
  }
  return is_changed;
}

bool Elector::has_room_for(const NodeId& node) const {
  const auto first = known_.lower_bound({node.name, 0});
  const auto last = known_.upper_bound({node.name, std::numeric_limits<std::uint64_t>::max()});
  return known_.size() < max_votes &&
         static_cast<std::size_t>(std::distance(first, last)) < max_runs_per_peer;
}

void Elector::forget_unknown(IsKnown is_known) {
  std::erase_if(known_, [&](const auto& entry) {
    return entry.first.name != self_.name && !is_known(entry.first.name);
  });
}

void Elector::propose() {
  WEFT_CHECK(quorum_ > 0, "a quorum is set before the first proposal");
  std::uint64_t round = 0;
  for (const auto& [node, claims] : known_) {
    round = std::max({round, claims.promise.round, claims.accepted.round});
  }
  known_[self_].promise = {round + 1, self_};
  if (quorum_ == 1) {
    think();
  }
}

bool Elector::think() {
  const NodeClaims before = known_[self_];
  NodeClaims own = before;
  for (const auto& [node, claims] : known_) {
    own.promise = std::max(own.promise, claims.promise);
  }
  if (own.promise.proposer == self_) {
    if (auto value = winning_value(own.promise)) {
      own.accepted = own.promise;
      own.value = std::move(*value);
    }
  }
  for (const auto& [node, claims] : known_) {
    if (claims.accepted == own.promise) {
      own.accepted = claims.accepted;
      own.value = claims.value;
      break;
    }
  }
  const bool is_changed = own.promise != before.promise || own.accepted != before.accepted ||
                          own.value.origin != before.value.origin;
  if (is_changed) {
    known_[self_] = std::move(own);
  }
  return is_changed;
}

std::optional<AcceptedValue> Elector::winning_value(const ProposalId& own) const {
  std::size_t promised = 0;
  const NodeClaims* highest = nullptr;
  for (const auto& [node, claims] : known_) {
    if (claims.promise != own) {
      continue;
    }
    ++promised;
    if (claims.accepted.is_valid() && (highest == nullptr || highest->accepted < claims.accepted)) {
      highest = &claims;
    }
  }
  if (promised < quorum_) {
    return std::nullopt;
  }
  if (highest != nullptr) {
    return highest->value;
  }
  AcceptedValue fresh{{}, own};
  for (const auto& [node, claims] : known_) {
    fresh.peers.push_back(node.name);
  }
  return fresh;
}

std::optional<std::vector<PeerName>> Elector::consensus() const {
  if (quorum_ == 0) {
    return std::nullopt;
  }
  std::map<ProposalId, std::size_t> votes;
  for (const auto& [node, claims] : known_) {
    if (claims.accepted.is_valid() && ++votes[claims.value.origin] >= quorum_) {
      return claims.value.peers;
    }
  }
  return std::nullopt;
}

}  // namespace weft::ipam
