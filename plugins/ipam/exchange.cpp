/// What other peers are asked, given and told: space requests, donations, and gossip.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "allocator.hpp"

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
      donate(wanted, source);
      break;
    }
    case MessageKind::space_denied: {
      AddressRange denied;
      WEFT_TRY(denied, decode_range(body));
      denied_by(source, denied);
      break;
    }
    case MessageKind::ring_update:
      done = update(source, body);
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
  auto done = update(originator, payload);
  settle();
  return done;
}

Result<> Allocator::on_gossip(ByteView payload) {
  auto done = update(std::nullopt, payload);
  settle();
  return done;
}

// Source: weaveworks/weave ipam/allocator.go, update.
Result<> Allocator::update(std::optional<PeerName> sender, ByteView octets) {
  GossipState received;
  WEFT_TRY(received, decode_gossip(octets));
  for (auto& [peer, nickname] : received.nicknames) {
    if (peer != settings_.self) {
      nicknames_[peer] = std::move(nickname);
    }
  }
  if (received.ring) {
    return merge_ring(*received.ring);
  }
  if (!ring_.is_empty()) {
    if (sender) {
      send_ring(*sender);
    }
  } else if (received.paxos) {
    hear_vote(*received.paxos);
  } else if (elector_ && sender) {
    establish_ring();  // an observer asks for a ring that does not exist yet
  }
  return {};
}

Result<> Allocator::merge_ring(const RingState& received) {
  Ring merged = ring_;
  bool is_changed = false;
  WEFT_TRY(is_changed, merged.merge(received, [this](std::span<const AddressRange> ranges) {
    return space_.has_allocations(ranges);
  }));
  AddressSet owned;
  for (const AddressRange range : merged.owned_ranges(settings_.self)) {
    owned.add(range);
  }
  for (const AddressRange used : space_.allocated().ranges()) {
    if (owned.count_in(used) != used.size()) {
      // The original's checks can be passed one entry at a time; it would crash here.
      return fail(Errc::conflict,
                  fmt::format("merge the received ring: it takes addresses in use from {}",
                              to_string(used)));
    }
  }
  ring_ = std::move(merged);
  if (is_changed) {
    std::erase_if(nicknames_, [this](const auto& known) {
      return known.first != settings_.self && !ring_.mentions(known.first) &&
             !surroundings_.is_known(known.first);
    });
    ring_changed();
  }
  return {};
}

void Allocator::hear_vote(const PaxosState& received) {
  if (!elector_ || !elector_->update(received)) {
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
                        [this, id = pending.id, owner](const Result<>& sent) {
                          if (!sent) {
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
  surroundings_.unicast(heaviest, encode_range_message(MessageKind::space_request, wanted),
                        [this, rest = std::move(candidates), wanted](const Result<>& sent) mutable {
                          if (!sent) {
                            request_space_from(std::move(rest), wanted);
                          }
                        });
}

// Source: weaveworks/weave ipam/allocator.go, donateSpace.
void Allocator::donate(AddressRange wanted, PeerName to) {
  if (saved_ring_.entries.empty() || to == settings_.self) {
    return;  // they will ask again
  }
  const auto chunk = space_.donate(wanted);
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

void Allocator::send_ring(PeerName to) {
  surroundings_.unicast(to, encode_ring_update(complete_state()), [](const Result<>&) {});
}

std::string Allocator::with_nickname(PeerName peer) const {
  const auto found = nicknames_.find(peer);
  return found == nicknames_.end() ? to_string(peer)
                                   : fmt::format("{} ({})", to_string(peer), found->second);
}

}  // namespace weft::ipam
