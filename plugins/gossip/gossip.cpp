/// Wires the engine to the node.

#include "gossip/gossip.hpp"

#include <netinet/in.h>

#include <utility>

#include <weft/events/direct_peers.hpp>
#include <weft/events/node_port.hpp>
#include <weft/events/node_trouble.hpp>
#include <weft/events/peer.hpp>
#include <weft/page.hpp>

#include "gossip/commands.hpp"

namespace weft::gossip {
namespace {

constexpr const char* direct_peers_key = "gossip/direct-peers";
constexpr const char* proven_name_key = "gossip/proven-name";
constexpr const char* homes_key = "gossip/homes";
constexpr const char* name_trouble = "mesh name";

}  // namespace

Gossip::Gossip(Host& host) : host_(host), service_(host.loop(), host.node().name) {}

Result<> Gossip::start() {
  OverlaySwitch* overlays = nullptr;
  WEFT_TRY(overlays, host_.services().require<OverlaySwitch>());
  store_ = host_.services().optional<Store>();
  WEFT_TRY(overlays_,
           host_.services().follow<Overlay>([this](Overlay*, const ServiceHold& leaving) {
             if (engine_ && !leaving) {
               engine_->introduce_again();
             }
           }));

  engine_ =
      std::make_unique<Engine>(Engine::Environment{host_.loop(), host_.transport(), host_.log(),
                                                   host_.metrics(), *overlays, *this},
                               config_, host_.node());
  running_ = std::make_shared<Gossip*>(this);
  service_.attach(*engine_);
  on_topology(engine_->state().published_topology());
  on_routes(engine_->state().published_routes());
  WEFT_TRY(engine_->start());
  host_.bus().publish(events::NodePort{"mesh", IPPROTO_TCP, engine_->port()});
  WEFT_TRY(host_.services().provide<Mesh>(service_));
  WEFT_TRY(serve_commands());
  load_proven_name();
  load_homes();
  load_direct_peers();
  return {};
}

void Gossip::stop() noexcept {
  on_name_refused({}, "");
  overlays_ = {};
  commands_.clear();
  service_.detach();
  running_.reset();
  engine_.reset();
}

void Gossip::on_routes(std::shared_ptr<const Routes> routes) {
  service_.set_routes(routes);
  host_.bus().publish(events::RoutesChanged{std::move(routes)});
}

void Gossip::on_topology(std::shared_ptr<const Topology> topology) {
  service_.set_topology(topology);
  host_.bus().publish(events::TopologyChanged{std::move(topology)});
}

void Gossip::on_peer_up(const Topology::Peer& peer) {
  host_.bus().publish(events::PeerUp{peer.name, peer.nickname, peer.short_id});
}

void Gossip::on_peer_down(const Topology::Peer& peer) {
  host_.log().info("peer is gone", "peer", peer.name, "nickname", peer.nickname);
  host_.bus().retract<events::PeerUp>(peer.name);
  host_.bus().publish(events::PeerDown{peer.name, peer.nickname});
}

/// A copy of another node has its state too, so it would give out the other's addresses. A node
/// that was known by this name at this address before goes on: it is the other one that is new.
void Gossip::on_name_refused(const net::IpAddress& local, const std::string& reason) {
  if (!reason.empty() && proven_ == proof_of(local)) {
    return;
  }
  const bool was_refused = std::exchange(is_name_refused_, !reason.empty());
  if (was_refused != is_name_refused_) {
    host_.bus().publish(events::NodeTrouble{name_trouble, reason, is_name_refused_});
  }
}

void Gossip::on_name_lost(const net::IpAddress& local) {
  if (proven_ != proof_of(local)) {
    return;
  }
  proven_.clear();
  if (store_ != nullptr) {
    store_->remove(proven_name_key, Reply<>(host_.loop(), [&log = host_.log()](Result<> removed) {
                     if (!removed) {
                       log.warn("proven name not forgotten", "reason", removed.error());
                     }
                   }));
  }
}

void Gossip::on_name_proven(const net::IpAddress& local) {
  if (proven_ == proof_of(local)) {
    return;
  }
  proven_ = proof_of(local);
  if (store_ != nullptr) {
    const ByteView octets = std::as_bytes(std::span(proven_));
    StoreEntry entry{proven_name_key, Bytes(octets.begin(), octets.end())};
    store_->put({std::move(entry)}, Reply<>(host_.loop(), [&log = host_.log()](Result<> stored) {
                  if (!stored) {
                    log.warn("proven name not saved", "reason", stored.error());
                  }
                }));
  }
}

std::string Gossip::proof_of(const net::IpAddress& local) const {
  return to_string(host_.node().name) + " " + to_string(local);
}

void Gossip::load_proven_name() {
  if (store_ == nullptr) {
    return;
  }
  store_->get(proven_name_key,
              Reply<std::optional<Bytes>>(
                  host_.loop(), [weak = std::weak_ptr(running_)](Result<std::optional<Bytes>> got) {
                    if (const auto self = weak.lock(); self && got && *got) {
                      (*self)->proven_.assign(reinterpret_cast<const char*>((*got)->data()),
                                              (*got)->size());
                    }
                  }));
}

void Gossip::on_homes(std::string saved) {
  if (store_ == nullptr) {
    return;
  }
  const ByteView octets = std::as_bytes(std::span(saved));
  StoreEntry entry{homes_key, Bytes(octets.begin(), octets.end())};
  store_->put({std::move(entry)}, Reply<>(host_.loop(), [&log = host_.log()](Result<> stored) {
                if (!stored) {
                  log.warn("homes of peers' names not saved", "reason", stored.error());
                }
              }));
}

void Gossip::load_homes() {
  if (store_ == nullptr) {
    return;
  }
  store_->get(homes_key,
              Reply<std::optional<Bytes>>(
                  host_.loop(), [weak = std::weak_ptr(running_)](Result<std::optional<Bytes>> got) {
                    if (const auto self = weak.lock(); self && got && *got) {
                      (*self)->engine_->namesakes().load(as_text(**got));
                    }
                  }));
}

void Gossip::on_direct_peers(std::vector<std::string> peers) {
  if (store_ == nullptr) {
    return;
  }
  StoreEntry entry{direct_peers_key, encode_saved_peers({config_.peers, std::move(peers)})};
  store_->put({std::move(entry)}, Reply<>(host_.loop(), [&log = host_.log()](Result<> stored) {
                if (!stored) {
                  log.warn("direct peers not saved", "reason", stored.error());
                }
              }));
}

void Gossip::on_direct_addresses(std::vector<net::IpAddress> addresses) {
  host_.bus().publish(events::DirectPeersChanged{std::move(addresses)});
}

/// Changes made at run time hold as long as the configured list is the one they were made to.
void Gossip::load_direct_peers() {
  if (store_ == nullptr) {
    engine_->direct_peers().add_configured(config_.peers);
    return;
  }
  store_->get(direct_peers_key,
              Reply<std::optional<Bytes>>(
                  host_.loop(), [weak = std::weak_ptr(running_)](Result<std::optional<Bytes>> got) {
                    const auto self = weak.lock();
                    if (!self) {
                      return;
                    }
                    Gossip& gossip = **self;
                    const auto saved = got && *got ? decode_saved_peers(**got) : std::nullopt;
                    const bool is_current = saved && saved->configured == gossip.config_.peers;
                    gossip.engine_->direct_peers().add_configured(
                        is_current ? saved->current : gossip.config_.peers);
                  }));
}

Result<> Gossip::serve_commands() {
  WEFT_TRY(serve_report(status_command(), &status_report));
  WEFT_TRY(serve_report(router_command(), &router_report));
  WEFT_TRY(serve_query(connections_command(), &connections_json));
  WEFT_TRY(serve_report(peers_command(), &peers_report));
  WEFT_TRY(serve_query(targets_command(),
                       [](const Engine& engine, Loop&) { return targets_json(engine); }));
  WEFT_TRY(serve_query(direct_peers_command(), &direct_peers_json));
  WEFT_TRY(serve_pages());
  WEFT_TRY(keep(host_.control().serve<ConnectParameters>(
      connect_command(), [this](const ConnectParameters& given, Reply<std::string> answer) {
        engine_->direct_peers().connect(
            given.peers, given.replace,
            {host_.loop(), [answer = std::move(answer)](const Result<>& changed) mutable {
               answer(changed.map([] { return std::string("null"); }));
             }});
      })));
  return keep(host_.control().serve<ForgetParameters>(
      forget_command(), [this](const ForgetParameters& given, Reply<std::string> answer) {
        answer(engine_->direct_peers().forget(given.peers).map([] { return std::string("null"); }));
      }));
}

Result<> Gossip::keep(Result<CommandRegistration> served) {
  CommandRegistration command;
  WEFT_TRY(command, std::move(served));
  commands_.push_back(std::move(command));
  return {};
}

Result<> Gossip::serve_query(CommandInfo info, Query query) {
  return keep(host_.control().serve(std::move(info), [this, query](Reply<std::string> answer) {
    answer(query(*engine_, host_.loop()));
  }));
}

Result<> Gossip::serve_pages() {
  WEFT_TRY(serve_page(summary_command("Router"), &summary_page, &status_report));
  WEFT_TRY(serve_page(page_command("peers", "Every peer and its connections."), &peers_page,
                      &peers_report));
  WEFT_TRY(serve_page(page_command("connections", "This node's own connections, one per line."),
                      &connections_page, &connections_json));
  return serve_page(
      page_command("targets", "The peers that this node was told to connect to, one per line."),
      &targets_page, &direct_peers_json);
}

Result<> Gossip::serve_page(CommandInfo info, Query lines, Query json) {
  return keep(host_.control().serve<PageParameters>(
      std::move(info), [this, lines, json](const PageParameters& given, Reply<std::string> answer) {
        answer((given.json ? json : lines)(*engine_, host_.loop()));
      }));
}

Result<> Gossip::serve_page(CommandInfo info, LongQuery lines, LongQuery json) {
  return keep(host_.control().serve<PageParameters>(
      std::move(info), [this, lines, json](const PageParameters& given, Reply<std::string> answer) {
        write_elsewhere((given.json ? json : lines)(*engine_, host_.loop()), std::move(answer));
      }));
}

/// What grows with the mesh is written elsewhere: tens of thousands of connections take longer than
/// peers wait for a heartbeat.
void Gossip::write_elsewhere(Report report, Reply<std::string> answer) {
  host_.loop().blocking(
      [write = std::move(report), answer = std::move(answer)]() mutable { answer(write()); },
      [] {});
}

Result<> Gossip::serve_report(CommandInfo info, LongQuery report) {
  return keep(host_.control().serve(std::move(info), [this, report](Reply<std::string> answer) {
    write_elsewhere(report(*engine_, host_.loop()), std::move(answer));
  }));
}

}  // namespace weft::gossip
