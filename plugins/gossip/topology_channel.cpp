/// Reading topology, in slices when it is long, and passing it on.

#include "gossip/topology_channel.hpp"

#include <set>

#include <fmt/core.h>

namespace weft::gossip {
namespace {

/// Why entries were refused, naming the first peer that they are about.
Error why(Refusal refusal, const PeersUpdate::Refused& refused) {
  const auto says = [&](std::string_view reason) {
    return Error{make_error_code(Errc::conflict),
                 fmt::format("take {} topology entries, the first about {}: {}", refused.count,
                             to_string(refused.first), reason)};
  };
  switch (refusal) {
    case Refusal::table_full:
      return says("the peer table is full, raise 'peer-limit' if these peers exist");
    case Refusal::beyond_ceiling:
      return says("no peer counts its versions so far");
    default:
      return says("others know better");
  }
}

}  // namespace

Result<> TopologyChannel::on_message(Link& from, ByteView payload,
                                     std::optional<PeerName> originator) {
  if (payload.size() > slice_bytes) {
    from.connection->hold(payload.size());
    readings_.push_back(std::make_unique<Reading>(from.id(), payload, originator));
    if (!reading_.is_set()) {
      reading_ = loop_.after(Duration::zero(), [this] { read_on(); });
    }
    return {};
  }
  mesh::TopologyReader reader(payload);
  std::vector<Topology::Peer> update;
  WEFT_TRY(update, read(from, reader, payload.size()));
  apply(from, std::move(update), originator);
  return {};
}

/// Entries from the next `bytes` octets, or a little more.
Result<std::vector<Topology::Peer>> TopologyChannel::read(Link& from, mesh::TopologyReader& reader,
                                                          std::size_t bytes) {
  const std::size_t begin = reader.remaining();
  std::vector<Topology::Peer> update;
  while (begin - reader.remaining() < bytes) {
    std::optional<mesh::TopologyEntry> entry;
    WEFT_TRY(entry, reader.next());
    if (!entry) {
      break;
    }
    if (entry->fault) {
      refusals_.add(Refusal::invalid_entry, entry->peer.name, from.remote, *entry->fault);
    } else {
      update.push_back(std::move(entry->peer));
    }
  }
  return update;
}

void TopologyChannel::read_on() {
  std::unique_ptr<Reading> reading = std::move(readings_.front());
  readings_.pop_front();
  if (Link* const from = links_.find(reading->link)) {
    read_slice(*from, *reading);
  }
  Link* const from = links_.find(reading->link);  // it may have ended
  if (from != nullptr && reading->reader.remaining() != 0) {
    readings_.push_back(std::move(reading));
  } else if (from != nullptr) {
    from->connection->release(reading->payload.size());
  }
  reading_.cancel();
  if (!readings_.empty()) {
    reading_ = loop_.after(Duration::zero(), [this] { read_on(); });
  }
}

void TopologyChannel::read_slice(Link& from, Reading& reading) {
  auto update = read(from, reading.reader, slice_bytes);
  if (update) {
    apply(from, *std::move(update), reading.originator);
  } else {
    carrier_.on_malformed(from, update.error());
  }
}

void TopologyChannel::apply(Link& from, std::vector<Topology::Peer> update,
                            std::optional<PeerName> originator) {
  const PeersUpdate result = state_.apply(std::move(update), {from.remote, from.is_weft});
  report(result, from.remote);
  warn(result.overruled);
  if (!result.uncounted.empty()) {
    const PeerName sender = from.remote;
    links_.for_each([&](Link& link) {
      if (link.is_added && link.remote != sender) {
        carrier_.send_topology(link, {}, result.uncounted);
      }
    });
  }
  if (!originator) {
    if (!result.accepted.empty()) {
      relay(result.accepted, from.remote);
    }
    return;
  }
  for (const PeerName hop : state_.broadcast_route(*originator)) {
    if (Link* const link = links_.to(hop)) {
      carrier_.send_topology(*link, SlotKey{*originator}, result.described);
    }
  }
}

/// Claims that others know better also occur among good peers, on news that took a detour.
void TopologyChannel::report(const PeersUpdate& result, PeerName relay) {
  for (const auto& [refusal, refused] : result.refused) {
    if (refusal == Refusal::not_first_hand || refusal == Refusal::not_nearest) {
      refusals_.count(refusal, refused.count);
    } else {
      refusals_.add(refusal, unknown_peer, relay, why(refusal, refused), refused.count);
    }
  }
}

/// The neighbour outbids the claim, for peers further away that believe it. A claim that comes too
/// soon after another one comes again: whoever believes it goes on telling.
void TopologyChannel::warn(const std::map<PeerName, Topology::Peer>& overruled) {
  if (overruled.empty()) {
    return;
  }
  const TimePoint now = loop_.now();
  std::erase_if(warned_,
                [now](const auto& warned) { return warned.second + warning_interval <= now; });
  for (const auto& [name, claim] : overruled) {
    if (Link* const link = links_.to(name); link != nullptr && warned_.emplace(name, now).second) {
      carrier_.forward_claim(*link, claim);
    }
  }
}

void TopologyChannel::relay(const PeerNames& names, PeerName sender) {
  const bool is_only_sender = relayed_names_.empty() || relayed_sender_ == sender;
  relayed_sender_ = is_only_sender ? sender : unknown_peer;
  relayed_names_.insert(names.begin(), names.end());
  if (relay_.is_set()) {
    return;
  }
  const Duration rest = relayed_ ? *relayed_ + relay_interval - loop_.now() : Duration::zero();
  if (rest <= Duration::zero()) {
    flush();
  } else {
    relay_ = loop_.after(rest, [this] { flush(); });
  }
}

void TopologyChannel::flush() {
  relay_.cancel();
  relayed_ = loop_.now();
  const PeerNames names = std::exchange(relayed_names_, {});
  for (Link* const link : carrier_.random_links(relayed_sender_)) {
    carrier_.send_topology(*link, {}, names);
  }
}

void TopologyChannel::announce(const PeerNames& names) {
  std::set<Connection::Id> told;
  for (Link* const link : carrier_.random_links(state_.self())) {
    told.insert(link->id());
    carrier_.send_topology(*link, {}, names);
  }
  if (!names.contains(state_.self())) {
    return;
  }
  links_.for_each([&](Link& link) {
    if (link.is_added && link.is_weft && !told.contains(link.id())) {
      carrier_.send_topology(link, {}, {state_.self()});
    }
  });
}

}  // namespace weft::gossip
