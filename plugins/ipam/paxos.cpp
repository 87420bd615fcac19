/// The three steps of Paxos as functions of what is known: promise, accept request, accepted.

#include "paxos.hpp"

#include <algorithm>

#include <weft/result.hpp>

namespace weft::ipam {

bool Elector::update(const PaxosState& received) {
  bool is_changed = false;
  for (const auto& [node, theirs] : received) {
    const auto [found, is_new] = known_.try_emplace(node, theirs);
    NodeClaims& ours = found->second;
    if (is_new) {
      is_changed = true;
      continue;
    }
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
