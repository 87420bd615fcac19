/// What other peers ask and tell, and who hears the ring.

#include <algorithm>
#include <utility>

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
      giver_.requested(wanted, source);
      break;
    }
    case MessageKind::space_denied: {
      AddressRange denied;
      WEFT_TRY(denied, decode_range(body));
      hear_denial(source, denied);
      requests_.denied_by(source, denied);
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
    first_ring_.hear(*received.paxos);
  } else if (first_ring_.is_elector() && asker) {
    first_ring_.establish();  // an observer asks for a ring that does not exist yet
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
  rejections_.count("nickname", strangers);
}

void Allocator::prune_nicknames() {
  const std::vector<PeerName> owners = ring_.owners();
  std::erase_if(nicknames_, [&](const auto& known) {
    return known.first != settings_.self && !std::ranges::binary_search(owners, known.first) &&
           !surroundings_.is_known(known.first);
  });
}

/// A ring is thousands of times the size of the question.
void Allocator::answer_with_ring(PeerName to) {
  if (answers_.take(to, surroundings_.now())) {
    send_ring(to);
  } else {
    rejections_.count("question-rate");
  }
}

void Allocator::send_ring(PeerName to) {
  surroundings_.unicast(to, encode_ring_update(complete_state()), [](const Result<>&) {});
}

}  // namespace weft::ipam
