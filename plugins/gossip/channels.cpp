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

Channels::Channels(Loop& loop, Log& log, Metrics& metrics, MeshState& state, Links& links, Cut cut)
    : loop_(loop),
      log_(log),
      state_(state),
      links_(links),
      cut_(std::move(cut)),
      refusals_(loop, log, metrics),
      topology_(loop, state, links, refusals_, *this),
      undeliverable_(metrics.counter("weft_gossip_unicasts_undeliverable_total",
                                     "Unicasts dropped for want of a route or of room.")),
      overflowed_(metrics.counter("weft_gossip_relays_dropped_total",
                                  "Payloads of channels nobody here joined, dropped as too long or "
                                  "because a connection was too slow.")),
      ignored_(metrics.counter("weft_gossip_surrogate_messages_ignored_total",
                               "Messages of unknown channels beyond those remembered.")),
      started_(loop.now()),
      periodic_(loop.every(gossip_interval, [this] { gossip_everything(); })) {}

/// A weft peer does not pass on what claims to be its own, so that its own is what it says. Weave
/// Net peers do, and put their own name on gossip of others that they pass on unread.
Channels::Origin Channels::origin(const Link& from, PeerName author) {
  return {author, from.is_weft && author == from.remote};
}

bool Channels::is_in_our_name(PeerName author) {
  if (author != state_.self()) {
    return false;
  }
  refusals_.count(Refusal::in_our_name);
  return true;
}

/// The shortest way from a neighbour is its own connection: what comes in its name over another one
/// is forged, or was under way when the connection came to be.
bool Channels::is_in_neighbours_name(const Link& from, PeerName source) {
  if (source == from.remote || links_.to(source) == nullptr) {
    return false;
  }
  refusals_.count(Refusal::in_neighbours_name);
  return true;
}

Result<> Channels::on_gossip(Link& from, const mesh::Gossip& message) {
  if (is_in_our_name(message.sender)) {
    return {};
  }
  if (is_topology(message.channel)) {
    return topology_.on_message(from, message.payload, std::nullopt);
  }
  Channel* const channel = find_or_create(message.channel);
  if (channel == nullptr) {
    return {};
  }
  if (!channel->user) {
    on_surrogate(message.channel, *channel, std::nullopt, message.payload, message.sender, from);
    return {};
  }
  channel->user->on_gossip(
      copy(message.payload),
      answer_to(from, origin(from, message.sender), message.payload.size(),
                [this, name = message.channel, sender = from.remote](const Bytes& update) {
                  relay_gossip(name, sender, gossip_slot, update);
                }));
  return {};
}

Result<> Channels::on_broadcast(Link& from, const mesh::GossipBroadcast& message) {
  if (is_in_our_name(message.originator)) {
    return {};
  }
  if (is_topology(message.channel)) {
    return topology_.on_message(from, message.payload, message.originator);
  }
  Channel* const channel = find_or_create(message.channel);
  if (channel == nullptr) {
    return {};
  }
  if (!channel->user) {
    on_surrogate(message.channel, *channel, message.originator, message.payload, message.originator,
                 from);
    return {};
  }
  channel->user->on_broadcast(
      message.originator, copy(message.payload),
      answer_to(from, origin(from, message.originator), message.payload.size(),
                [this, name = message.channel, originator = message.originator](
                    const Bytes& update) { relay_broadcast(name, originator, update); }));
  return {};
}

Result<> Channels::on_unicast(Link& from, const mesh::GossipUnicast& message, ByteView octets) {
  if (is_in_our_name(message.source) || is_in_neighbours_name(from, message.source)) {
    return {};
  }
  if (message.destination != state_.self()) {
    if (const auto sent = send_unicast(message.destination, octets); !sent) {
      undeliverable_.add();
      log_.debug("unicast not relayed", "channel",
                 std::string_view(message.channel).substr(0, max_surrogate_name_bytes), "reason",
                 sent.error());
    }
    return {};
  }
  if (is_topology(message.channel)) {
    const Error error{make_error_code(Errc::malformed), "accept a topology unicast"};
    if (origin(from, message.source).is_neighbours_own) {
      return tl::unexpected(error);
    }
    refusals_.add(Refusal::topology_unicast, message.source, from.remote, error);
    return {};
  }
  Channel* const channel = find_or_create(message.channel);
  if (channel != nullptr && channel->user) {
    channel->user->on_unicast(
        message.source, copy(message.payload),
        answer_to(from, origin(from, message.source), message.payload.size(), [](const Bytes&) {}));
  }
  return {};
}

/// A weft peer reads a unicast before it passes it on.
Result<> Channels::on_damaged(Link& from, const mesh::DamagedUnicast& message) {
  if (from.is_weft && (message.source == from.remote || message.source == unknown_peer)) {
    return tl::unexpected(message.error);
  }
  refusals_.add(Refusal::damaged_unicast, message.source, from.remote, message.error);
  return {};
}

void Channels::forward_claim(Link& link, const Topology::Peer& claim) {
  if (link.connection->queued_bytes() < low_water_bytes) {
    send(link, mesh::topology_channel, gossip_slot, mesh::encode_topology({&claim}));
  }
}

void Channels::on_malformed(Link& link, const Error& error) {
  cut_(link.id(), DropReason::malformed, error);
}

/// Passes a message on for others, and keeps it in case its user is still starting. Nobody here can
/// tell whether it is good: it keeps its author's name, so that this node is not blamed.
void Channels::on_surrogate(const std::string& name, Channel& channel,
                            std::optional<PeerName> originator, ByteView payload, PeerName author,
                            const Link& from) {
  const TimePoint now = loop_.now();
  if (payload.size() > Outbox::max_channel_bytes) {
    overflowed_.add();
    return;
  }
  EarlyMessages::Message message{originator, copy(payload), author, from.id()};
  if (message.originator) {
    relay_broadcast(name, *message.originator, message.payload);
  } else if (channel.filter.is_new(message.payload, now)) {
    relay_gossip(name, from.remote, SlotKey{std::nullopt, author}, message.payload);
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
    deliver(*channel.user, std::move(message));
  }
  links_.for_each([&](Link& link) {
    if (link.is_added) {
      link.outbox.add_state(name, gossip_slot);
      pump(link);
    }
  });
}

/// An early message was passed on when it came. Its user refuses it as it would have then, as long
/// as the connection is there that brought it.
void Channels::deliver(Membership& user, EarlyMessages::Message message) {
  Reply<std::optional<Bytes>> done(
      loop_, [weak = std::weak_ptr(weak_self_), author = message.author,
              over = message.over](const auto& answer) {
        const auto self = weak.lock();
        if (!self || answer || answer.error().code == make_error_code(Errc::abandoned)) {
          return;
        }
        if (Link* const link = (*self)->links_.find(over)) {
          (*self)->refuse(*link, origin(*link, author), answer.error());
        } else {
          (*self)->refusals_.add(Refusal::channel_user, author, unknown_peer, answer.error());
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
  send_topology(link, gossip_slot, state_.peers().names());
  for (const auto& [name, channel] : channels_) {
    if (channel.user) {
      link.outbox.add_state(name, gossip_slot);
    }
  }
  pump(link);
}

void Channels::send_topology(Link& link, SlotKey slot, const PeerNames& names) {
  link.outbox.add_peers(mesh::topology_channel, slot, names);
  pump(link);
}

void Channels::pump(Link& link) {
  while (link.is_added && !link.connection->is_dropped() &&
         link.connection->queued_bytes() < low_water_bytes) {
    auto item = link.outbox.take();
    if (!item) {
      return;
    }
    if (auto* const names = std::get_if<PeerNames>(&item->content)) {
      send_topology_chunk(link, *item, std::move(*names));
    } else if (const auto* const payload = std::get_if<Bytes>(&item->content)) {
      send(link, item->channel, item->slot, *payload);
    } else if (const auto at = channels_.find(item->channel); at != channels_.end()) {
      at->second.waiting.emplace(link.id(), item->slot);
      request_state(at->first, at->second);
    }
  }
}

/// Sends the first of `names`, and puts the others back.
void Channels::send_topology_chunk(Link& link, const Outbox::Item& item, PeerNames names) {
  std::vector<const Topology::Peer*> chunk;
  std::size_t bytes = 0;
  auto at = names.begin();
  for (; at != names.end() && bytes < topology_chunk_bytes; ++at) {
    if (const Topology::Peer* const peer = state_.peers().find(*at)) {
      chunk.push_back(peer);
      bytes += mesh::encoded_size(*peer);
    }
  }
  names.erase(names.begin(), at);
  if (!names.empty()) {
    link.outbox.add_peers(item.channel, item.slot, names);
  }
  send(link, item.channel, item.slot, mesh::encode_topology(chunk));
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
Reply<std::optional<Bytes>> Channels::answer_to(Link& from, Origin origin, std::size_t bytes,
                                                UniqueFunction<void(Bytes)> pass_on) {
  bytes += message_overhead_bytes;
  from.connection->hold(bytes);
  return {loop_, [weak = std::weak_ptr(weak_self_), id = from.id(), origin, bytes,
                  pass_on = std::move(pass_on)](Result<std::optional<Bytes>> answer) mutable {
            const auto self = weak.lock();
            if (!self) {
              return;
            }
            const bool is_refused =
                !answer && answer.error().code != make_error_code(Errc::abandoned);
            Link* const delivered = (*self)->links_.find(id);
            if (is_refused && delivered != nullptr) {
              (*self)->refuse(*delivered, origin, answer.error());
            } else if (answer && *answer) {
              pass_on(**std::move(answer));
            }
            if (Link* const link = (*self)->links_.find(id)) {
              link->connection->release(bytes);
            }
          }};
}

/// What a channel's user thinks of a message. Whoever delivers it may say that somebody else wrote
/// it; that costs the message and nobody's connection.
void Channels::refuse(Link& from, Origin origin, const Error& error) {
  if (origin.is_neighbours_own) {
    cut_(from.id(), DropReason::handler_refused, error);
  } else {
    refusals_.add(Refusal::channel_user, origin.author, from.remote, error);
  }
}

void Channels::relay_gossip(const std::string& channel, PeerName except, SlotKey slot,
                            const Bytes& payload) {
  for (Link* const link : random_links(except)) {
    add_payload(*link, channel, slot, payload);
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

/// Whether a connection takes so little that others need the room.
bool Channels::is_hoarding(const Link& link) const {
  if (link.outbox.payload_bytes() <= own_payload_bytes) {
    return false;
  }
  std::size_t waiting = 0;
  for (const auto& [id, each] : links_.all()) {
    waiting += each.outbox.payload_bytes();
  }
  return waiting >= max_payload_bytes;
}

void Channels::add_payload(Link& link, const std::string& channel, SlotKey slot, Bytes payload) {
  const auto at = channels_.find(channel);
  const bool has_state = at != channels_.end() && at->second.user != nullptr;
  if ((!has_state && is_hoarding(link)) ||
      link.outbox.add_payload(channel, slot, std::move(payload), has_state)) {
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
  if (link->connection->queued_bytes() + octets.size() > unicast_limit_bytes) {
    return fail(Errc::unreachable,
                fmt::format("reach peer {}: {} bytes are too many for the connection to {}",
                            to_string(destination), octets.size(), to_string(*hop)));
  }
  return link->connection->send(octets);
}

void Channels::gossip_everything() {
  topology_.announce(state_.peers().names());
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
          : mesh::encode_message(
                mesh::Gossip{channel, slot.author.value_or(state_.self()), payload});
  if (const auto sent = link.connection->send(message); !sent) {
    log_.warn("gossip not sent", "channel", channel, "peer", link.remote, "reason", sent.error());
  }
}

}  // namespace weft::gossip
