/// Opens connections, and watches over what is there.

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
      log_limiter_(env_.loop.now()),
      state_(env_.loop,
             {node.name, node.nickname, random_uid(env_.loop),
              static_cast<ShortId>(random_below(env_.loop, short_id_count))},
             env_.events, *this, config_.peer_limit),
      channels_(env_.loop, env_.log, env_.metrics, state_, links_,
                [this](Connection::Id id, DropReason reason, const Error& error) {
                  if (Link* const link = links_.find(id)) {
                    reject(*link, {reason, error});
                  }
                }),
      dialler_({env_.loop, env_.transport, env_.log, env_.metrics, state_.peers(), links_, *this},
               {node.listen.port, config_.discovery}, config_.connection_limit),
      acceptor_({env_.loop, env_.transport, env_.log, env_.metrics, log_limiter_, links_,
                 dialler_.maker()},
                node.listen, config_.introduction_limit,
                [this](std::unique_ptr<Stream> stream) {
                  const net::Endpoint address = stream->remote();
                  open(std::move(stream), address, false, true);
                }),
      namesakes_({env_.loop, env_.metrics, state_.peers(), links_, env_.events}),
      connections_gauge_(
          env_.metrics.gauge("weft_gossip_connections", "Connections to other peers.")),
      controls_dropped_(env_.metrics.counter(
          "weft_gossip_control_messages_dropped_total",
          "Control messages of overlays dropped because the peer takes none.")),
      controls_ignored_(
          env_.metrics.counter("weft_gossip_control_messages_ignored_total",
                               "Control messages of peers dropped because they come too fast.")) {}

Result<> Engine::start() {
  WEFT_TRY(acceptor_.start());
  ticker_ = env_.loop.every(config_.heartbeat / 2, [this] { tick(); });
  env_.log.info("mesh control plane started", "name", state_.self(), "listening on",
                acceptor_.local(), "encryption", config_.password.is_set());
  return {};
}

void Engine::introduce_again() {
  links_.for_each([](Link& link) {
    link.connection->drop(
        DropReason::new_overlay,
        Error{make_error_code(Errc::closed), "go on with what was agreed: an overlay was started"});
  });
  dialler_.maker().retry_all(env_.loop.now());
  dialler_.plan_soon();
}

void Engine::on_dialled(const ConnectionMaker::Dial& dialled, std::unique_ptr<Stream> stream) {
  open(std::move(stream), dialled.address, true, dialled.is_direct);
}

void Engine::on_planned() {
  if (state_.published_topology()->direct_peers != active_direct_peers()) {
    state_.publish_topology();
  }
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

void Engine::tick() {
  links_.for_each([](Link& link) { link.connection->tick(); });
  watch_refused();
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
