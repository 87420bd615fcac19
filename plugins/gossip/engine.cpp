/// Making connections: dialling by plan, watching over what is there.

#include "gossip/engine.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace weft::gossip {
namespace {

/// Any number but zero, which marks peers that were never met.
std::uint64_t random_uid(Loop& loop) {
  std::uint64_t uid = 0;
  while (uid == 0) {
    uid = loop.random();
  }
  return uid;
}

}  // namespace

Engine::Engine(Environment environment, Config config, const NodeInfo& node)
    : env_(environment),
      config_(std::move(config)),
      listen_(node.listen),
      state_(env_.loop,
             {node.name, node.nickname, random_uid(env_.loop),
              static_cast<ShortId>(random_below(env_.loop, short_id_count))},
             *this, config_.peer_limit),
      topology_(state_.peers().snapshot()),
      channels_(env_.loop, env_.log, env_.metrics, state_, links_,
                [this](Connection::Id id, DropReason reason, const Error& error) {
                  if (Link* const link = links_.find(id)) {
                    refuse(*link, reason, error);
                  }
                }),
      maker_({listen_.port, config_.discovery}),
      direct_peers_(env_.loop, env_.transport, env_.log, env_.metrics, maker_,
                    [this] { on_direct_peers_changed(); }),
      limiter_(env_.loop.now()),
      log_limiter_(env_.loop.now()),
      name_conflicts_(env_.metrics.counter("weft_gossip_name_conflicts_total",
                                           "Meetings of two peers that have one name.")),
      connections_gauge_(
          env_.metrics.gauge("weft_gossip_connections", "Connections to other peers.")),
      refused_(
          env_.metrics.counter("weft_gossip_connections_refused_total",
                               "Connections closed unserved: their source connects too often.")),
      controls_dropped_(env_.metrics.counter(
          "weft_gossip_control_messages_dropped_total",
          "Control messages of overlays dropped because the peer takes none.")),
      controls_ignored_(
          env_.metrics.counter("weft_gossip_control_messages_ignored_total",
                               "Control messages of peers dropped because they come too fast.")) {}

Result<> Engine::start() {
  WEFT_TRY(listener_,
           env_.transport.listen(listen_, [this](auto stream) { on_accepted(std::move(stream)); }));
  ticker_ = env_.loop.every(config_.heartbeat / 2, [this] { tick(); });
  env_.log.info("mesh control plane started", "name", state_.self(), "listening on",
                listener_->local(), "encryption", config_.password.is_set());
  return {};
}

void Engine::introduce_again() {
  links_.for_each([](Link& link) {
    link.connection->drop(
        DropReason::new_overlay,
        Error{make_error_code(Errc::closed), "go on with what was agreed: an overlay was started"});
  });
  maker_.retry_all(env_.loop.now());
  plan_soon();
}

std::uint16_t Engine::port() const noexcept {
  return listener_ ? listener_->local().port : listen_.port;
}

void Engine::on_direct_peers_changed() {
  std::vector<std::string> peers;
  std::set<net::IpAddress> addresses;
  for (const auto& [text, peer] : maker_.direct_peers()) {
    peers.push_back(text);
    addresses.insert(peer.addresses.begin(), peer.addresses.end());
  }
  if (addresses != published_addresses_) {
    published_addresses_ = addresses;
    env_.events.on_direct_addresses({addresses.begin(), addresses.end()});
  }
  if (peers != published_direct_) {
    published_direct_ = peers;
    env_.events.on_direct_peers(std::move(peers));
  }
  plan_soon();
}

/// On the next turn, so that a burst of news is one plan.
void Engine::plan_soon() {
  if (!std::exchange(is_plan_due_, true)) {
    plan_timer_ = env_.loop.after(Duration::zero(), [this] { plan(); });
  }
}

void Engine::plan() {
  is_plan_due_ = false;
  const TimePoint now = env_.loop.now();
  const ConnectionMaker::Plan plan = maker_.plan(state_.peers(), now);
  if (plan.again) {
    plan_timer_ = env_.loop.after(*plan.again - now, [this] { this->plan(); });
  }
  for (const ConnectionMaker::Dial& target : plan.dial) {
    dial(target);
  }
  if (maker_.active_direct_peers() != published_active_) {
    publish_topology(state_.peers().snapshot());
  }
}

void Engine::dial(const ConnectionMaker::Dial& target) {
  if (is_full()) {
    dial_failed(target.address, Error{make_error_code(Errc::pool_exhausted),
                                      fmt::format("connect: Connection limit reached ({})",
                                                  config_.connection_limit)});
    return;
  }
  env_.log.debug("attempting connection", "address", target.address);
  dials_[target.address] =
      env_.transport.dial(target.address, dial_timeout,
                          [this, target](auto stream) { on_dialled(target, std::move(stream)); });
}

void Engine::on_dialled(const ConnectionMaker::Dial& target,
                        Result<std::unique_ptr<Stream>> stream) {
  const ConnectionMaker::Dial dialled = target;  // the callback that holds it goes with `finished`
  env_.loop.post([finished = std::exchange(dials_[dialled.address], nullptr)] {});
  dials_.erase(dialled.address);
  if (!stream) {
    dial_failed(dialled.address, stream.error());
    return;
  }
  if (!maker_.is_wanted(dialled.address)) {
    dial_failed(dialled.address, Error{make_error_code(Errc::conflict),
                                       "connect: the peer there is connected some other way"});
    return;
  }
  open(*std::move(stream), dialled.address, true, dialled.is_direct);
}

void Engine::dial_failed(const net::Endpoint& address, const Error& error) {
  env_.log.debug("connection attempt failed", "address", address, "reason", error);
  maker_.ended({0, address, true, ConnectionMaker::Ending::failure, error}, env_.loop.now(),
               random_unit(env_.loop));
  direct_peers_.on_unreachable(address.address);
  plan_soon();
}

void Engine::open(std::unique_ptr<Stream> stream, net::Endpoint address, bool outbound,
                  bool is_direct) {
  Link link;
  link.address = address;
  link.local_id = env_.loop.random();
  link.is_direct = is_direct;
  link.is_trusted_by_us = is_trusted(address.address);

  const Topology::Peer& self = state_.peers().self();
  mesh::Features features;
  features.name = self.name;
  features.nickname = self.nickname;
  features.uid = self.uid;
  features.connection_id = link.local_id;
  features.short_id = self.short_id;
  features.is_trusted = link.is_trusted_by_us;
  features.overlays = env_.overlays.overlays();
  features.weft = {config_.heartbeat, config_.dead_after};

  Handshake::Settings settings;
  settings.outbound = outbound;
  settings.lowest_version = config_.lowest_version();
  settings.password = config_.password.text;
  settings.features = mesh::to_map(features);
  env_.loop.random_bytes(settings.private_key);
  ConnectionOwner& owner = *this;
  link.connection = std::make_unique<Connection>(next_id_++, std::move(stream), env_.loop,
                                                 std::move(settings), turns_, owner);
  links_.insert(std::move(link)).connection->start();
}

bool Engine::is_trusted(const net::IpAddress& address) const {
  return std::any_of(config_.trusted_subnets.begin(), config_.trusted_subnets.end(),
                     [&](const net::Cidr& subnet) { return subnet.contains(address); });
}

bool Engine::is_full() const noexcept {
  return config_.connection_limit != 0 && links_.added() >= config_.connection_limit;
}

void Engine::tick() {
  links_.for_each([](Link& link) { link.connection->tick(); });
  watch_refused();
}

void Engine::on_routes(std::shared_ptr<const Routes> routes) {
  env_.events.on_routes(std::move(routes));
}

void Engine::on_topology(std::shared_ptr<Topology> topology) {
  publish_topology(std::move(topology));
}

void Engine::publish_topology(std::shared_ptr<Topology> topology) {
  published_active_ = maker_.active_direct_peers();
  topology->direct_peers = published_active_;
  topology_ = topology;
  env_.events.on_topology(std::move(topology));
}

void Engine::on_peer_up(const Topology::Peer& peer) {
  env_.events.on_peer_up(peer);
}

void Engine::on_peer_down(const Topology::Peer& peer) {
  env_.log.info("peer is gone", "peer", peer.name, "nickname", peer.nickname);
  env_.events.on_peer_down(peer);
}

bool Engine::announce_at_once(const PeerNames& names, Audience audience) {
  bool is_everybody = true;
  links_.for_each([&](Link& link) {
    const bool is_told = link.is_weft || audience == Audience::everybody;
    if (link.is_added && is_told) {
      channels_.send_topology(link, {}, names);
    }
    is_everybody &= is_told || !link.is_added;
  });
  return is_everybody;
}

}  // namespace weft::gossip
