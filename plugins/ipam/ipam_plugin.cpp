/// Provides weft.ipam/2: wires the allocator to the host, and answers the control commands.

#include "ipam/ipam_plugin.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include <fmt/core.h>

#include <weft/events/address.hpp>
#include <weft/events/bridge.hpp>

namespace weft::ipam {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view name_key = "ipam/peername";
constexpr std::string_view ring_key = "ipam/ring";
constexpr std::string_view holdings_key = "ipam/ownedAddresses";
constexpr std::string_view fences_key = "ipam/fences";  // of weft alone

/// Source: weaveworks/weave prog/weaver/main.go, NewGossip.
constexpr const char* channel_name = "IPallocation";

constexpr Duration count_interval = 5s;

/// Networks without addresses of hosts, or whose addresses no router passes on.
struct SpecialNetwork {
  std::uint32_t address;
  std::uint8_t prefix_length;
  const char* what;
};
constexpr std::array<SpecialNetwork, 4> special_networks{{
    {0x00000000, 8, "no host's"},
    {0x7F000000, 8, "each host's own"},
    {0xA9FE0000, 16, "of a link alone"},
    {0xE0000000, 4, "for multicast"},
}};

Result<> check_unicast(const char* field, const net::Cidr& subnet) {
  for (const SpecialNetwork& special : special_networks) {
    const net::Cidr network{net::IpAddress::v4(special.address), special.prefix_length};
    if (subnet.overlaps(network)) {
      return fail(
          Errc::invalid,
          fmt::format("use {} = \"{}\": addresses in {} are {}; name a network of hosts, like "
                      "\"10.32.0.0/12\"",
                      field, net::to_string(subnet), net::to_string(network), special.what));
    }
  }
  return {};
}

/// An IPv4 subnet whose addresses fit our ranges.
Result<> check_subnet(const char* field, const net::Cidr& subnet) {
  const std::string text = net::to_string(subnet);
  if (!subnet.address.is_v4()) {
    return fail(Errc::invalid, fmt::format("use {} = \"{}\": name an IPv4 subnet", field, text));
  }
  if (subnet != subnet.network()) {
    return fail(Errc::invalid,
                fmt::format("use {} = \"{}\": bits after the network prefix are not all zero, "
                            "write \"{}\"",
                            field, text, net::to_string(subnet.network())));
  }
  if (subnet.prefix_length > 30) {
    return fail(Errc::invalid,
                fmt::format("use {} = \"{}\": it has fewer than four addresses, name a prefix "
                            "length of at most 30",
                            field, text));
  }
  if (range_of(subnet).is_empty()) {
    return fail(Errc::invalid,
                fmt::format("use {} = \"{}\": it must end below 255.255.255.255", field, text));
  }
  return check_unicast(field, subnet);
}

/// An answer that goes back to whoever asked through the service.
template <class T>
Answer<T> answer_to(Reply<T> reply) {
  return [reply = std::move(reply)](Result<T> answer) mutable { reply(std::move(answer)); };
}

}  // namespace

void IpamPlugin::describe(Schema& schema) {
  schema.field("range", range_,
               "The IPv4 range that all peers share; the same on every peer, for good.");
  schema.field("default-subnet", default_subnet_text_,
               "Where addresses come from unless a request names a subnet; empty: the range.");
  schema.field("init", init_text_,
               "How the range is first divided: \"consensus\", \"consensus=N\" for N peers, "
               "\"seed=NAME,NAME,...\" or \"observer\".");
  schema.field("allocate-timeout", allocate_timeout_,
               "How long a request waits for an address before it fails.", {100ms, 1h});
  schema.field("expose", wants_address_,
               "Give the bridge an address as soon as the range is divided, so that this node "
               "reaches pods while it has none of its own. With false it gets one with its first "
               "pod.");
}

Result<> IpamPlugin::validate() {
  WEFT_TRY(check_subnet("range", range_));
  default_subnet_ = range_;
  if (!default_subnet_text_.empty()) {
    const auto parsed = net::parse_cidr(default_subnet_text_);
    if (!parsed) {
      return fail(Errc::invalid, fmt::format("use default-subnet = \"{}\": write it like "
                                             "\"10.32.1.0/24\"",
                                             default_subnet_text_));
    }
    default_subnet_ = *parsed;
    WEFT_TRY(check_subnet("default-subnet", default_subnet_));
    if (!range_.overlaps(default_subnet_)) {
      return fail(Errc::invalid, fmt::format("use default-subnet = \"{}\": it does not overlap "
                                             "range = \"{}\"",
                                             default_subnet_text_, net::to_string(range_)));
    }
  }
  WEFT_TRY(init_, parse_init_mode(init_text_));
  return {};
}

Settings IpamPlugin::settings() {
  Settings settings;
  settings.self = host_.node().name;
  settings.nickname = host_.node().nickname;
  settings.uid = host_.loop().random();
  settings.universe = range_;
  settings.allocate_timeout = allocate_timeout_;
  settings.init = init_;
  return settings;
}

Result<> IpamPlugin::start() {
  WEFT_TRY(following_mesh_, host_.services().follow<Mesh>([this](Mesh* mesh) { use(mesh); }));
  if (mesh_ == nullptr) {
    return fail(Errc::not_found, "find a provider of service weft.mesh/1");
  }
  WEFT_TRY(store_, host_.services().require<Store>());
  Surroundings& surroundings = *this;
  allocator_ = std::make_unique<Allocator>(surroundings, settings());
  lost_peers_ = host_.bus().subscribe<events::PeerDown>(
      [this](const events::PeerDown& peer) { allocator_->forget_peer(peer.name); });
  count_outbid(0);
  for (const std::string_view reason : refusal_reasons) {
    count_refused(reason, 0);
  }
  WEFT_TRY(following_bridge_,
           host_.services().follow<BridgeV2>([this](BridgeV2* bridge) { use(bridge); }));
  bridge_addresses_ = host_.bus().subscribe<events::BridgeAddressesChanged>(
      [this](const auto& bridge) { node_address_.bridge_has(bridge.addresses); });
  WEFT_TRY(serve_commands());
  WEFT_TRY(serve_exposing());
  load();
  return host_.services().provide<Ipam>(*this);
}

void IpamPlugin::stop() noexcept {
  is_stopped_ = true;
  following_mesh_ = {};
  following_bridge_ = {};
  bridge_addresses_ = {};
  node_address_.stop();
  lost_peers_ = {};
  count_timer_.cancel();
  commands_.clear();
  channel_.reset();
  waiting_.clear();
  if (allocator_) {
    allocator_->stop();
  }
}

void IpamPlugin::load() {
  const auto keys = {name_key, ring_key, holdings_key, fences_key};
  to_arrive_ = keys.size() + 2;
  look_at_bridge();
  for (const std::string_view key : keys) {
    store_->get(
        std::string(key),
        Reply<std::optional<Bytes>>(host_.loop(), [this, key](Result<std::optional<Bytes>> value) {
          loaded(key, std::move(value));
        }));
  }
}

void IpamPlugin::loaded(std::string_view key, Result<std::optional<Bytes>> value) {
  if (is_stopped_) {
    return;
  }
  Result<> decoded;
  if (!value) {
    decoded = tl::unexpected(value.error());
  } else if (*value) {
    decoded = decode_stored(key, **value);
  }
  if (!decoded) {
    // To go on without it would hand out addresses that are in use.
    host_.fail(Error{decoded.error().code,
                     fmt::format("read '{}' from the store: {}", key, decoded.error().context)});
    return;
  }
  arrived();
}

/// What the bridge and the pods on it have is in use, whatever is stored.
void IpamPlugin::look_at_bridge() {
  if (bridge_ == nullptr) {
    host_.loop().post([this] {
      arrived();
      arrived();
    });
    return;
  }
  look_at_pods([this](std::vector<BridgePod> pods) {
    pods_ = std::move(pods);
    arrived();
  });
  bridge_->info({host_.loop(), [this](Result<BridgeInfo> bridge) {
                   if (bridge) {
                     on_bridge_ = std::move(bridge->addresses);
                   } else {
                     host_.log().warn("the bridge's addresses are not known", "error",
                                      bridge.error());
                   }
                   arrived();
                 }});
}

void IpamPlugin::look_at_pods(UniqueFunction<void(std::vector<BridgePod>)> then) {
  bridge_->pods(
      {host_.loop(), [this, then = std::move(then)](Result<std::vector<BridgePod>> pods) mutable {
         if (!pods) {
           host_.log().warn("the pods' addresses are not known", "error", pods.error());
         }
         then(std::move(pods).value_or(std::vector<BridgePod>{}));
       }});
}

void IpamPlugin::arrived() {
  if (!is_stopped_ && --to_arrive_ == 0) {
    begin();
  }
}

void IpamPlugin::use(BridgeV2* bridge) {
  bridge_ = bridge;
  node_address_.use(bridge);
  if (bridge_ != nullptr && is_ready_) {
    is_looking_ = true;
    look_at_pods([this](const std::vector<BridgePod>& pods) {
      claim_found(pods);
      is_looking_ = false;
      serve_waiting();
    });
  }
}

Result<> IpamPlugin::decode_stored(std::string_view key, ByteView value) {
  if (key == name_key) {
    WEFT_TRY(stored_.name, decode_stored_name(value));
  } else if (key == ring_key) {
    WEFT_TRY(stored_.ring, decode_stored_ring(value));
  } else if (key == fences_key) {
    WEFT_TRY(stored_.fences, decode_stored_ring(value));
  } else {
    WEFT_TRY(stored_.holdings, decode_stored_holdings(value));
  }
  return {};
}

void IpamPlugin::use(Mesh* mesh) {
  if (mesh == nullptr && mesh_ != nullptr) {
    last_seen_ = mesh_->topology();
    channel_.reset();
  }
  mesh_ = mesh;
  if (is_ready_) {
    join();
  }
}

void IpamPlugin::join() {
  if (mesh_ == nullptr) {
    return;
  }
  auto joined = mesh_->join(channel_name, *this, host_.loop());
  if (!joined) {
    host_.fail(joined.error());
    return;
  }
  channel_ = std::move(*joined);
}

std::shared_ptr<const Topology> IpamPlugin::topology() const {
  return mesh_ != nullptr ? mesh_->topology() : last_seen_;
}

/// Pods would keep addresses that nobody knows of any more, and peers of the old range would refuse
/// this node.
Result<> IpamPlugin::check_range() const {
  if (!stored_.ring || stored_.ring->universe == range_of(range_)) {
    return {};
  }
  for (const auto& [owner, holding] : stored_.holdings) {
    for (const net::Cidr& address : holding.addresses) {
      if (owner != bridge_owner && stored_.ring->universe.contains(address.address.v4_value())) {
        return fail(Errc::conflict,
                    fmt::format("use range = \"{0}\": {1} here has {2}, of {3}, which the cluster "
                                "divided; set range = \"{3}\" again, or end all pods of this node "
                                "before you change it",
                                net::to_string(range_), owner, net::to_string(address.address),
                                to_string(stored_.ring->universe)));
      }
    }
  }
  return {};
}

void IpamPlugin::begin() {
  if (auto same = check_range(); !same) {
    host_.fail(std::move(same).error());
    return;
  }
  join();
  stored_.is_in_use = !addresses_in(range_, pods_).empty();
  allocator_->start(std::exchange(stored_, {}));
  claim_found(std::exchange(pods_, {}));
  node_address_.start(*allocator_, {wants_address_, range_, default_subnet_}, on_bridge_);
  is_ready_ = true;
  serve_waiting();
  count_timer_ = host_.loop().every(count_interval, [this] { count(); });
}

void IpamPlugin::claim_found(const std::vector<BridgePod>& pods) {
  if (!is_stopped_) {
    found_pods_.claim(*allocator_, range_, default_subnet_, pods);
  }
}

void IpamPlugin::serve_waiting() {
  for (Task& task : std::exchange(waiting_, {})) {
    task();
  }
}

void IpamPlugin::when_ready(Task task) {
  host_.loop().post([this, task = std::move(task)]() mutable {
    if (is_ready_ && !is_looking_ && !is_stopped_) {
      task();
    } else if (!is_stopped_) {
      waiting_.push_back(std::move(task));
    }
  });
}

/// The ring has one family: there is one address.
void IpamPlugin::allocate(AddressOwner owner, std::vector<net::Cidr> subnets,
                          Reply<std::vector<AllocatedAddress>> reply) {
  if (subnets.size() > 1) {
    reply(fail(Errc::invalid, fmt::format("allocate in {} and {}: name one IPv4 subnet",
                                          net::to_string(subnets[0]), net::to_string(subnets[1]))));
    return;
  }
  when_ready([this, owner = std::move(owner), subnets = std::move(subnets),
              reply = std::move(reply)]() mutable {
    allocator_->allocate(std::move(owner), subnets.empty() ? default_subnet_ : subnets.front(),
                         [reply = std::move(reply)](Result<AllocatedAddress> got) mutable {
                           reply(got.map([](const auto& one) { return std::vector{one}; }));
                         });
  });
}

void IpamPlugin::claim(AddressOwner owner, net::Cidr address, Reply<> reply) {
  when_ready([this, owner = std::move(owner), address, reply = std::move(reply)]() mutable {
    allocator_->claim(std::move(owner), address, ClaimMode::strict, answer_to(std::move(reply)));
  });
}

void IpamPlugin::release(AddressOwner owner, Reply<> reply) {
  when_ready([this, owner = std::move(owner), reply = std::move(reply)]() mutable {
    allocator_->release(
        owner, [reply = std::move(reply)](const Result<std::vector<net::Cidr>>& freed) mutable {
          freed ? reply({}) : reply(tl::unexpected(freed.error()));
        });
  });
}

void IpamPlugin::release_addresses(AddressOwner owner, std::vector<net::IpAddress> addresses,
                                   Reply<> reply) {
  when_ready([this, owner = std::move(owner), addresses = std::move(addresses),
              reply = std::move(reply)]() mutable {
    allocator_->release_addresses(owner, addresses, answer_to(std::move(reply)));
  });
}

void IpamPlugin::lookup(AddressOwner owner, Reply<std::vector<net::Cidr>> reply) {
  when_ready([this, owner = std::move(owner), reply = std::move(reply)]() mutable {
    reply(allocator_->lookup(owner));
  });
}

Result<> IpamPlugin::on_unicast(PeerName source, ByteView payload) {
  return allocator_->on_unicast(source, payload);
}

Result<std::optional<Bytes>> IpamPlugin::on_broadcast(PeerName originator, ByteView payload) {
  WEFT_TRY(allocator_->on_broadcast(originator, payload));
  return allocator_->complete_state();
}

Result<std::optional<Bytes>> IpamPlugin::on_gossip(ByteView payload) {
  WEFT_TRY(allocator_->on_gossip(payload));
  return std::nullopt;
}

Bytes IpamPlugin::complete_state() {
  return allocator_->complete_state();
}

Timer IpamPlugin::after(Duration delay, Task task) {
  return host_.loop().after(delay, std::move(task));
}

void IpamPlugin::unicast(PeerName to, Bytes payload, Answer<> sent) {
  if (channel_) {
    channel_->unicast(to, std::move(payload), Reply<>(host_.loop(), std::move(sent)));
  }
}

void IpamPlugin::broadcast_state() {
  if (channel_) {
    channel_->broadcast_state();
  }
}

void IpamPlugin::save(const RingState& ring, const Holdings& holdings, const RingState& fences,
                      Answer<> saved) {
  const PeerName self = host_.node().name;
  store_->put({{std::string(name_key), encode_stored_name(self)},
               {std::string(ring_key), encode_stored_ring(ring, self)},
               {std::string(holdings_key), encode_stored_holdings(holdings)},
               {std::string(fences_key), encode_stored_ring(fences, self)}},
              Reply<>(host_.loop(), std::move(saved)));
}

void IpamPlugin::publish(std::vector<net::Cidr> local_ranges) {
  host_.bus().publish(events::LocalRangesChanged{std::move(local_ranges)});
}

void IpamPlugin::count_refused(std::string_view reason, std::size_t times) {
  host_.metrics()
      .counter("weft_ipam_refused_total",
               "What other peers told or asked and this one did not take, by reason.",
               {{"reason", std::string(reason)}})
      .add(times);
}

void IpamPlugin::count_outbid(std::size_t entries) {
  host_.metrics()
      .counter("weft_ipam_outbid_total",
               "Entries of messages that would have taken ranges from this peer.")
      .add(entries);
}

bool IpamPlugin::is_known(PeerName peer) const {
  return topology()->find(peer) != nullptr;
}

bool IpamPlugin::is_neighbour(PeerName peer) const {
  const auto snapshot = topology();
  const Topology::Peer* const self = snapshot->find(snapshot->self);
  return self != nullptr &&
         std::ranges::find(self->connections, peer, &Topology::Connection::remote) !=
             self->connections.end();
}

std::size_t IpamPlugin::direct_peers() const {
  return topology()->direct_peers;
}

void IpamPlugin::count() {
  Metrics& metrics = host_.metrics();
  const Allocator::Status status = allocator_->status();
  const auto set = [&metrics](std::string name, std::string help, std::size_t value,
                              MetricLabels labels = {}) {
    metrics.gauge(std::move(name), std::move(help), std::move(labels))
        .set(static_cast<double>(value));
  };
  set("weft_ipam_addresses", "Addresses of this peer's ranges.", status.active,
      {{"state", "used"}});
  set("weft_ipam_addresses", "Addresses of this peer's ranges.", status.free, {{"state", "free"}});
  set("weft_ipam_addresses", "Addresses of this peer's ranges.",
      allocator_->fences().closed_addresses(), {{"state", "fenced"}});
  set("weft_ipam_range_addresses", "Addresses of the range that all peers share.",
      range_of(range_).size());
  set("weft_ipam_pending_allocations", "Requests that wait for an address.",
      status.pending_allocations.size());
  set("weft_ipam_pending_claims", "Claims that wait for a decision.", status.pending_claims.size());
}

}  // namespace weft::ipam
