/// What other peers are asked, given and told: space requests, donations, and gossip.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "allocator.hpp"
#include "ceilings.hpp"

namespace weft::ipam {

Result<> Allocator::on_unicast(PeerName source, ByteView payload) {
  if (payload.empty()) {
    return fail(Errc::malformed, "read an address message: it is empty");
  }
  Result<> done;
  const ByteView body = payload.subspan(1);
  switch (static_cast<MessageKind>(payload.front())) {
    case MessageKind::space_request: {
      AddressRange wanted;
      WEFT_TRY(wanted, decode_range(body));
      if (may_have(wanted, source)) {
        donate(wanted, source);
      }
      break;
    }
    case MessageKind::space_denied: {
      AddressRange denied;
      WEFT_TRY(denied, decode_range(body));
      denied_by(source, denied);
      break;
    }
    case MessageKind::ring_update:
      done = update({source, std::nullopt}, body);
      break;
    default:
      surroundings_.log().debug("ignoring an address message of an unknown kind", "from", source,
                                "kind", std::to_integer<unsigned>(payload.front()));
      break;
  }
  settle();
  return done;
}

Result<> Allocator::on_broadcast(PeerName originator, ByteView payload) {
  auto done = update({std::nullopt, originator}, payload);
  settle();
  return done;
}

Result<> Allocator::on_gossip(ByteView payload) {
  auto done = update({}, payload);
  settle();
  return done;
}

// Source: weaveworks/weave ipam/allocator.go, update.
Result<> Allocator::update(const Delivery& delivery, ByteView octets) {
  GossipState received;
  WEFT_TRY(received, decode_gossip(octets));
  if (received.ring) {
    WEFT_TRY(merge_ring(delivery, received));
  } else if (const auto asker = delivery.asker(); !ring_.is_empty()) {
    if (asker) {
      answer_with_ring(*asker);
    }
  } else if (received.paxos) {
    hear_vote(*received.paxos);
  } else if (elector_ && asker) {
    establish_ring();  // an observer asks for a ring that does not exist yet
  }
  hear_nicknames(std::move(received.nicknames));
  return {};
}

/// Of peers in the mesh or the ring.
void Allocator::hear_nicknames(Nicknames received) {
  const std::vector<PeerName> owners = ring_.owners();
  std::size_t strangers = 0;
  for (auto& [peer, nickname] : received) {
    const auto known = nicknames_.find(peer);
    if (peer == settings_.self || (known != nicknames_.end() && known->second == nickname)) {
      continue;
    }
    if (std::ranges::binary_search(owners, peer) || surroundings_.is_known(peer)) {
      nicknames_[peer] = std::move(nickname);
    } else {
      ++strangers;
    }
  }
  refused("nickname", strangers);
}

void Allocator::prune_nicknames() {
  const std::vector<PeerName> owners = ring_.owners();
  std::erase_if(nicknames_, [&](const auto& known) {
    return known.first != settings_.self && !std::ranges::binary_search(owners, known.first) &&
           !surroundings_.is_known(known.first);
  });
}

void Allocator::hear_vote(const PaxosState& received) {
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

void Allocator::request_address(PendingClaim& pending, PeerName owner) {
  const AddressRange wanted = single(pending.address.address.v4_value());
  surroundings_.unicast(owner, encode_range_message(MessageKind::space_request, wanted),
                        [this, id = pending.id, owner, wanted](const Result<>& sent) {
                          if (sent) {
                            note_asked(owner, wanted);
                          } else {
                            claim_request_failed(id, owner, sent.error());
                          }
                        });
}

// Source: weaveworks/weave ipam/ring/ring.go, ChoosePeersToAskForSpace.
void Allocator::request_space(AddressRange wanted) {
  // Every request takes half of the donor's space: a burst of containers must not take it all.
  if (std::ranges::find(asked_, wanted) != asked_.end()) {
    return;
  }
  asked_.push_back(wanted);
  std::vector<std::pair<double, PeerName>> weighted;
  for (const Ring::Candidate& candidate : ring_.candidates(wanted)) {
    weighted.emplace_back(static_cast<double>(candidate.free) * surroundings_.random_unit(),
                          candidate.peer);
  }
  std::ranges::sort(weighted);
  std::vector<PeerName> candidates;
  for (const auto& [weight, peer] : weighted) {
    candidates.push_back(peer);
  }
  request_space_from(std::move(candidates), wanted);
}

void Allocator::request_space_from(std::vector<PeerName> candidates, AddressRange wanted) {
  if (candidates.empty()) {
    return;
  }
  const PeerName heaviest = candidates.back();
  candidates.pop_back();
  surroundings_.unicast(
      heaviest, encode_range_message(MessageKind::space_request, wanted),
      [this, heaviest, rest = std::move(candidates), wanted](const Result<>& sent) mutable {
        if (sent) {
          note_asked(heaviest, wanted);
        } else {
          request_space_from(std::move(rest), wanted);
        }
      });
}

/// Whether to answer a request for space: of peers that exist, and not too often. Whoever gets no
/// answer asks again.
bool Allocator::may_have(AddressRange wanted, PeerName to) {
  if (to == settings_.self || !surroundings_.is_known(to)) {
    refused("request-of-unknown-peer");
    return false;
  }
  const TimePoint now = surroundings_.now();
  if (!(wanted.size() > 1 ? donations_ : singles_).take(to, now) || !all_donations_.take(now)) {
    refused("request-rate");
    return false;
  }
  return true;
}

// Source: weaveworks/weave ipam/allocator.go, donateSpace.
void Allocator::donate(AddressRange wanted, PeerName to) {
  if (saved_ring_.entries.empty()) {
    if (early_requests_.size() < max_early_requests || early_requests_.contains(to)) {
      early_requests_[to] = {wanted, surroundings_.now()};
    }
    if (!ring_.is_empty()) {
      answer_early_requests();
    }
    return;
  }
  // A donation adds two entries at most.
  const bool has_room = ring_.state().entries.size() + 2 <= max_ring_entries;
  const auto chunk = has_room ? space_.donate(wanted) : std::nullopt;
  if (chunk) {
    ring_.grant(*chunk, to);
    ++grants_made_;
  }
  after_save([this, wanted, to, is_given = chunk.has_value()](const Result<>& saved) {
    if (!saved) {
      return;
    }
    if (is_given) {
      surroundings_.broadcast_state();
    } else {
      surroundings_.unicast(to, encode_range_message(MessageKind::space_denied, wanted),
                            [](const Result<>&) {});
    }
    send_ring(to);  // what they got, or where else to ask
  });
}

/// Peers that heard of a new ring first asked for space before this node had the ring on disk.
void Allocator::answer_early_requests() {
  after_save([this](const Result<>& saved) {
    if (!saved) {
      return;
    }
    const TimePoint now = surroundings_.now();
    for (const auto& [peer, request] : std::exchange(early_requests_, {})) {
      if (now - request.asked < retry_interval) {  // later ones were asked again
        donate(request.wanted, peer);
      }
    }
    settle();
  });
}

/// A ring is thousands of times the size of the question.
void Allocator::answer_with_ring(PeerName to) {
  if (answers_.take(to, surroundings_.now())) {
    send_ring(to);
  } else {
    refused("question-rate");
  }
}

void Allocator::send_ring(PeerName to) {
  surroundings_.unicast(to, encode_ring_update(complete_state()), [](const Result<>&) {});
}

std::string Allocator::with_nickname(PeerName peer) const {
  const auto found = nicknames_.find(peer);
  return found == nicknames_.end() ? to_string(peer)
                                   : fmt::format("{} ({})", to_string(peer), found->second);
}

}  // namespace weft::ipam
