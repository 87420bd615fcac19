/// Delivering, relaying and sending gossip.

#include "gossip/channels.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "gossip/wire/topology.hpp"

namespace weft::gossip {
namespace {

const SlotKey gossip_slot{};

Bytes copy(ByteView octets) {
  return {octets.begin(), octets.end()};
}

bool is_topology(const std::string& channel) {
  return channel == mesh::topology_channel;
}

}  // namespace

Channels::Channels(Loop& loop, Log& log, Metrics& metrics, MeshState& state, Links& links,
                   Refuse refuse)
    : loop_(loop),
      log_(log),
      state_(state),
      links_(links),
      refuse_(std::move(refuse)),
      undeliverable_(metrics.counter("weft_gossip_unicasts_undeliverable_total",
                                     "Unicasts dropped for want of a route or of room.")),
      overflowed_(metrics.counter("weft_gossip_relays_dropped_total",
                                  "Payloads of channels nobody here joined, dropped because a "
                                  "connection was too slow.")),
      ignored_(metrics.counter("weft_gossip_surrogate_messages_ignored_total",
                               "Messages of unknown channels beyond those remembered.")),
      started_(loop.now()),
      periodic_(loop.every(gossip_interval, [this] { gossip_everything(); })) {}

Result<> Channels::on_gossip(Link& from, const mesh::Gossip& message) {
  if (is_topology(message.channel)) {
    return on_topology(message.payload, message.sender);
  }
  Channel* const channel = find_or_create(message.channel);
  if (channel == nullptr) {
    return {};
  }
  if (!channel->user) {
    on_surrogate(message.channel, *channel, {std::nullopt, copy(message.payload)}, message.sender);
    return {};
  }
  channel->user->on_gossip(
      copy(message.payload),
      answer_to(from, message.payload.size(),
                [this, name = message.channel, sender = message.sender](const Bytes& update) {
                  relay_gossip(name, sender, update);
                }));
  return {};
}

Result<> Channels::on_broadcast(Link& from, const mesh::GossipBroadcast& message) {
  if (is_topology(message.channel)) {  // as older releases send it
    std::vector<Topology::Peer> update;
    WEFT_TRY(update, mesh::decode_topology(message.payload));
    PeersUpdate result;
    WEFT_TRY(result, state_.apply(std::move(update)));
    for (const PeerName hop : state_.broadcast_route(message.originator)) {
      if (Link* const link = links_.to(hop)) {
        link->outbox.add_peers(message.channel, SlotKey{message.originator}, result.described);
        pump(*link);
      }
    }
    return {};
  }
  Channel* const channel = find_or_create(message.channel);
  if (channel == nullptr) {
    return {};
  }
  if (!channel->user) {
    on_surrogate(message.channel, *channel, {message.originator, copy(message.payload)},
                 message.originator);
    return {};
  }
  channel->user->on_broadcast(
      message.originator, copy(message.payload),
      answer_to(from, message.payload.size(),
                [this, name = message.channel, originator = message.originator](
                    const Bytes& update) { relay_broadcast(name, originator, update); }));
  return {};
}

Result<> Channels::on_unicast(Link& from, const mesh::GossipUnicast& message, ByteView octets) {
  if (message.destination != state_.self()) {
    if (const auto sent = send_unicast(message.destination, octets); !sent) {
      undeliverable_.add();
      log_.debug("unicast not relayed", "channel", message.channel, "reason", sent.error());
    }
    return {};
  }
  if (is_topology(message.channel)) {
    return fail(Errc::malformed, "accept a topology unicast");
  }
  Channel* const channel = find_or_create(message.channel);
  if (channel != nullptr && channel->user) {
    channel->user->on_unicast(message.source, copy(message.payload),
                              answer_to(from, message.payload.size(), [](const Bytes&) {}));
  }
  return {};
}

Result<> Channels::on_topology(ByteView payload, PeerName sender) {
  std::vector<Topology::Peer> update;
  WEFT_TRY(update, mesh::decode_topology(payload));
  PeersUpdate result;
  WEFT_TRY(result, state_.apply(std::move(update)));
  if (!result.accepted.empty()) {
    relay_topology(result.accepted, sender);
  }
  return {};
}

void Channels::relay_topology(const PeerNames& names, PeerName sender) {
  const bool is_only_sender = relayed_names_.empty() || relayed_sender_ == sender;
  relayed_sender_ = is_only_sender ? sender : unknown_peer;
  relayed_names_.insert(names.begin(), names.end());
  if (relay_.is_set()) {
    return;
  }
  const Duration rest = relayed_ ? *relayed_ + relay_interval - loop_.now() : Duration::zero();
  if (rest <= Duration::zero()) {
    flush_topology();
  } else {
    relay_ = loop_.after(rest, [this] { flush_topology(); });
  }
}

void Channels::flush_topology() {
  relay_.cancel();
  relayed_ = loop_.now();
  const PeerNames names = std::exchange(relayed_names_, {});
  for (Link* const link : random_links(relayed_sender_)) {
    send_topology(*link, names);
  }
}

/// Passes a message on for others, and keeps it in case its user is still starting.
void Channels::on_surrogate(const std::string& name, Channel& channel,
                            EarlyMessages::Message message, PeerName sender) {
  const TimePoint now = loop_.now();
  if (message.originator) {
    relay_broadcast(name, *message.originator, message.payload);
  } else if (channel.filter.is_new(message.payload, now)) {
    relay_gossip(name, sender, message.payload);
  } else {
    return;
  }
  if (now - started_ < joining_time && early_bytes() + message.payload.size() <= max_early_bytes) {
    channel.early.add(std::move(message));
  }
}

std::size_t Channels::early_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [name, channel] : channels_) {
    bytes += channel.early.bytes();
  }
  return bytes;
}

void Channels::join(const std::string& name, std::shared_ptr<Membership> user) {
  const auto [at, is_new] = channels_.try_emplace(name);
  Channel& channel = at->second;
  if (!is_new && !channel.user) {
    --surrogates_;
  }
  channel.user = std::move(user);
  channel.filter = {};
  for (EarlyMessages::Message& message : channel.early.take()) {
    deliver(name, *channel.user, std::move(message));
  }
  links_.for_each([&](Link& link) {
    if (link.is_added) {
      link.outbox.add_state(name, gossip_slot);
      pump(link);
    }
  });
}

/// An early message was passed on when it came, and the connection it came over may be gone.
void Channels::deliver(const std::string& name, Membership& user, EarlyMessages::Message message) {
  Reply<std::optional<Bytes>> done(loop_, [name, &log = log_](auto answer) {
    if (!answer) {
      log.warn("early message refused", "channel", name, "reason", answer.error());
    }
  });
  if (message.originator) {
    user.on_broadcast(*message.originator, std::move(message.payload), std::move(done));
  } else {
    user.on_gossip(std::move(message.payload), std::move(done));
  }
}

void Channels::leave(const std::string& name) {
  channels_.erase(name);
}

void Channels::unicast(const std::string& channel, PeerName destination, Bytes payload,
                       Reply<> sent) {
  sent(send_unicast(destination, mesh::encode_message(mesh::GossipUnicast{channel, state_.self(),
                                                                          destination, payload})));
}

void Channels::broadcast_state(const std::string& channel) {
  const SlotKey slot{state_.self()};
  for (const PeerName hop : state_.broadcast_route(state_.self())) {
    if (Link* const link = links_.to(hop)) {
      link->outbox.add_state(channel, slot);
      pump(*link);
    }
  }
}

void Channels::send_everything(Link& link) {
  send_topology(link, state_.peers().names());
  for (const auto& [name, channel] : channels_) {
    if (channel.user) {
      link.outbox.add_state(name, gossip_slot);
    }
  }
  pump(link);
}

void Channels::gossip_topology(const PeerNames& names) {
  for (Link* const link : random_links(state_.self())) {
    send_topology(*link, names);
  }
}

void Channels::send_topology(Link& link, const PeerNames& names) {
  link.outbox.add_peers(mesh::topology_channel, gossip_slot, names);
  pump(link);
}

void Channels::pump(Link& link) {
  while (link.is_added && !link.connection->is_dropped() &&
         link.connection->queued_bytes() < low_water_bytes) {
    auto item = link.outbox.take();
    if (!item) {
      return;
    }
    if (const auto* const names = std::get_if<PeerNames>(&item->content)) {
      send(link, item->channel, item->slot, mesh::encode_topology(state_.peers().describe(*names)));
    } else if (const auto* const payload = std::get_if<Bytes>(&item->content)) {
      send(link, item->channel, item->slot, *payload);
    } else if (const auto at = channels_.find(item->channel); at != channels_.end()) {
      at->second.waiting.emplace(link.id(), item->slot);
      request_state(at->first, at->second);
    }
  }
}

/// The channel's entry; null when it is one unknown channel too many.
Channels::Channel* Channels::find_or_create(const std::string& name) {
  if (const auto at = channels_.find(name); at != channels_.end()) {
    return &at->second;
  }
  if (surrogates_ == max_surrogates || name.size() > max_surrogate_name_bytes) {
    ignored_.add();
    return nullptr;
  }
  ++surrogates_;
  log_.info("passing on a channel that nobody here has joined", "channel", name);
  return &channels_[name];
}

/// What to do when the user has dealt with a message of `bytes` that came over `from`.
Reply<std::optional<Bytes>> Channels::answer_to(Link& from, std::size_t bytes,
                                                UniqueFunction<void(Bytes)> pass_on) {
  bytes += message_overhead_bytes;
  from.connection->hold(bytes);
  return {loop_, [weak = std::weak_ptr(weak_self_), id = from.id(), bytes,
                  pass_on = std::move(pass_on)](Result<std::optional<Bytes>> answer) mutable {
            const auto self = weak.lock();
            if (!self) {
              return;
            }
            const bool is_refused =
                !answer && answer.error().code != make_error_code(Errc::abandoned);
            if (is_refused) {
              (*self)->refuse_(id, answer.error());
            } else if (answer && *answer) {
              pass_on(**std::move(answer));
            }
            if (Link* const link = (*self)->links_.find(id)) {
              link->connection->release(bytes);
            }
          }};
}

void Channels::relay_gossip(const std::string& channel, PeerName except, const Bytes& payload) {
  for (Link* const link : random_links(except)) {
    add_payload(*link, channel, gossip_slot, payload);
  }
}

void Channels::relay_broadcast(const std::string& channel, PeerName originator,
                               const Bytes& payload) {
  for (const PeerName hop : state_.broadcast_route(originator)) {
    if (Link* const link = links_.to(hop)) {
      add_payload(*link, channel, SlotKey{originator}, payload);
    }
  }
}

void Channels::add_payload(Link& link, const std::string& channel, SlotKey slot, Bytes payload) {
  const auto at = channels_.find(channel);
  const bool has_state = at != channels_.end() && at->second.user != nullptr;
  if (link.outbox.add_payload(channel, slot, std::move(payload), has_state)) {
    overflowed_.add();
  }
  pump(link);
}

Result<> Channels::send_unicast(PeerName destination, ByteView octets) {
  const auto hop = state_.message_routes().unicast(destination);
  Link* const link = hop ? links_.to(*hop) : nullptr;
  if (link == nullptr) {
    return fail(Errc::unreachable, fmt::format("reach peer {}", to_string(destination)));
  }
  if (link->connection->queued_bytes() > unicast_limit_bytes) {
    return fail(Errc::unreachable, fmt::format("reach peer {}: the connection to {} is too slow",
                                               to_string(destination), to_string(*hop)));
  }
  return link->connection->send(octets);
}

void Channels::gossip_everything() {
  gossip_topology(state_.peers().names());
  for (const auto& [name, channel] : channels_) {
    if (!channel.user) {
      continue;
    }
    for (Link* const link : random_links(state_.self())) {
      link->outbox.add_state(name, gossip_slot);
      pump(*link);
    }
  }
}

std::vector<Link*> Channels::random_links(PeerName except) {
  std::vector<Link*> links;
  for (const PeerName neighbour :
       random_neighbours(state_.message_routes(), except,
                         [this](std::uint64_t bound) { return random_below(loop_, bound); })) {
    if (Link* const link = links_.to(neighbour)) {
      links.push_back(link);
    }
  }
  return links;
}

/// One answer serves everybody who waits when it is asked for.
void Channels::request_state(const std::string& name, Channel& channel) {
  if (!channel.in_flight.empty() || channel.waiting.empty() || !channel.user) {
    return;
  }
  channel.in_flight = std::exchange(channel.waiting, {});
  channel.user->complete_state(
      {loop_, [weak = std::weak_ptr(weak_self_), name](Result<Bytes> state) {
         if (const auto self = weak.lock()) {
           (*self)->on_state(name, std::move(state));
         }
       }});
}

void Channels::on_state(const std::string& name, Result<Bytes> state) {
  const auto at = channels_.find(name);
  if (at == channels_.end()) {
    return;
  }
  const Waiting served = std::exchange(at->second.in_flight, {});
  for (const auto& [id, slot] : served) {
    Link* const link = links_.find(id);
    if (state && link != nullptr && link->is_added) {
      send(*link, name, slot, *state);
    }
  }
  request_state(name, at->second);
}

void Channels::send(Link& link, const std::string& channel, SlotKey slot, ByteView payload) {
  const Bytes message =
      slot.originator
          ? mesh::encode_message(mesh::GossipBroadcast{channel, *slot.originator, payload})
          : mesh::encode_message(mesh::Gossip{channel, state_.self(), payload});
  if (const auto sent = link.connection->send(message); !sent) {
    log_.warn("gossip not sent", "channel", channel, "peer", link.remote, "reason", sent.error());
  }
}

}  // namespace weft::gossip
