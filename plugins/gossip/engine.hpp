#pragma once
/// The mesh control plane: accepts, dials, introduces and ends connections, and ties the mesh's
/// state, its channels and its overlays together.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/plugin.hpp>
#include <weft/service/overlay.hpp>
#include <weft/transport.hpp>

#include "gossip/accept_limiter.hpp"
#include "gossip/channels.hpp"
#include "gossip/config.hpp"
#include "gossip/connection_maker.hpp"
#include "gossip/direct_peers.hpp"
#include "gossip/homes.hpp"
#include "gossip/link.hpp"
#include "gossip/log_limiter.hpp"
#include "gossip/mesh_state.hpp"
#include "gossip/refused_peers.hpp"

namespace weft::gossip {

/// What the engine tells the rest of the node.
class EngineEvents {
 public:
  virtual void on_routes(std::shared_ptr<const Routes> routes) = 0;
  virtual void on_topology(std::shared_ptr<const Topology> topology) = 0;
  virtual void on_peer_up(const Topology::Peer& peer) = 0;
  virtual void on_peer_down(const Topology::Peer& peer) = 0;
  /// A peer that the operator named refuses this node at its address `local`, as another has its
  /// name; without `reason` that is over.
  virtual void on_name_refused(const net::IpAddress& local, const std::string& reason) = 0;
  /// Such a peer says that another had the name before: what was proven at `local` is void.
  virtual void on_name_lost(const net::IpAddress& local) = 0;
  /// A connection from `local` has lasted for so long that the name is this node's.
  virtual void on_name_proven(const net::IpAddress& local) = 0;
  /// The list of direct peers as it should survive a restart.
  virtual void on_direct_peers(std::vector<std::string> peers) = 0;
  /// Where they are, as far as that is known: sorted, each once.
  virtual void on_direct_addresses(std::vector<net::IpAddress> addresses) = 0;

 protected:
  ~EngineEvents() = default;
};

/// Used on the mesh's loop only.
class Engine final : private ConnectionOwner, private MeshObserver {
 public:
  static constexpr Duration dial_timeout = std::chrono::seconds{10};

  struct Environment {
    Loop& loop;
    Transport& transport;
    Log& log;
    Metrics& metrics;
    OverlaySwitch& overlays;
    EngineEvents& events;
  };

  Engine(Environment environment, Config config, const NodeInfo& node);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Listens. Errors: the errno of listening.
  [[nodiscard]] Result<> start();
  /// An overlay started: ends every connection and dials anew, since overlays are agreed on in the
  /// introduction.
  void introduce_again();

  [[nodiscard]] Channels& channels() noexcept { return channels_; }
  [[nodiscard]] DirectPeers& direct_peers() noexcept { return direct_peers_; }

  // What there is to see.
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const MeshState& state() const noexcept { return state_; }
  /// What the events told of the topology last.
  [[nodiscard]] const std::shared_ptr<const Topology>& topology() const noexcept {
    return topology_;
  }
  [[nodiscard]] const Links& links() const noexcept { return links_; }
  [[nodiscard]] const ConnectionMaker& maker() const noexcept { return maker_; }
  [[nodiscard]] const DirectPeers& direct_peers() const noexcept { return direct_peers_; }
  [[nodiscard]] const RefusedPeers& refused_peers() const noexcept { return refused_peers_; }
  [[nodiscard]] std::uint64_t terminations() const noexcept { return terminations_; }
  [[nodiscard]] std::uint16_t port() const noexcept;

 private:
  // ConnectionOwner
  void on_introduced(Connection& connection, const Introduction& introduction) override;
  void on_message(Connection& connection, ByteView message) override;
  void on_drained(Connection& connection) override;
  void on_dropped(Connection& connection, DropReason reason, const Error& error) override;

  // MeshObserver
  void on_routes(std::shared_ptr<const Routes> routes) override;
  void on_topology(std::shared_ptr<Topology> topology) override;
  void on_peer_up(const Topology::Peer& peer) override;
  void on_peer_down(const Topology::Peer& peer) override;
  void on_candidates_changed() override { plan_soon(); }
  void announce(const PeerNames& names) override { channels_.announce(names); }
  bool announce_at_once(const PeerNames& names, Audience audience) override;

  // accept.cpp: who may connect to us
  void on_accepted(std::unique_ptr<Stream> stream);
  [[nodiscard]] bool is_known_address(const net::IpAddress& address) const;
  void make_room(const net::IpAddress& newcomer, bool is_known);
  void crowd_out(Connection::Id id);

  // engine.cpp: making connections
  void on_direct_peers_changed();
  void plan_soon();
  void plan();
  void dial(const ConnectionMaker::Dial& target);
  void on_dialled(const ConnectionMaker::Dial& target, Result<std::unique_ptr<Stream>> stream);
  void dial_failed(const net::Endpoint& address, const Error& error);
  void open(std::unique_ptr<Stream> stream, net::Endpoint address, bool outbound, bool is_direct);
  [[nodiscard]] bool is_trusted(const net::IpAddress& address) const;
  [[nodiscard]] bool is_full() const noexcept;
  void tick();
  void publish_topology(std::shared_ptr<Topology> topology);

  // admission.cpp: from an introduction to a neighbour, and its end
  struct Refusal {
    DropReason reason;
    Error error;
  };
  using Admission = tl::expected<void, Refusal>;
  [[nodiscard]] Admission admit(Link& link, const Introduction& introduction);
  [[nodiscard]] Admission check_name(const Link& link, const mesh::Features& remote) const;
  [[nodiscard]] Admission prepare_overlay(Link& link, const mesh::Features& remote,
                                          const Introduction& introduction);
  [[nodiscard]] Admission check_holder(const Link& link, const mesh::Features& remote);
  void warn_holder(Link& holder, const Error& error);
  [[nodiscard]] Admission settle_duplicate(Link& link);
  void add(Link& link, bool send_everything);
  [[nodiscard]] Liveness liveness(const mesh::Features& remote) const;
  [[nodiscard]] SwitchCallbacks overlay_callbacks(Connection::Id id);
  void on_overlay_established(Connection::Id id);
  void on_lasting(const Link& link);
  /// Ends a connection, and tells a weft peer why.
  void refuse(Link& link, DropReason reason, const Error& error);
  void on_notice(Link& link, const mesh::Notice& notice);
  void on_name_notice(const Link& link, const mesh::Notice& notice);
  void on_refused(const Link& link, DropReason reason, const Error& error);
  void watch_refused();
  void log_end(const Link& link, DropReason reason, const Error& error);
  void count_drop(DropReason reason);
  void send_control(Link& link, const Bytes& message);
  [[nodiscard]] Result<> on_control(Link& link, bool with_switch,
                                    const mesh::OverlayControl& control);
  [[nodiscard]] Result<> dispatch(Link& link, ByteView octets);

  Environment env_;
  Config config_;
  const net::Endpoint listen_;
  MeshState state_;
  std::shared_ptr<const Topology> topology_;  // as published
  Turns turns_{Connection::long_at_once};
  Links links_;
  Channels channels_;
  ConnectionMaker maker_;
  DirectPeers direct_peers_;
  AcceptLimiter limiter_;
  LogLimiter log_limiter_;  // of what strangers cause
  RefusedPeers refused_peers_;
  std::optional<net::IpAddress> name_refused_by_;
  Homes homes_;
  Counter& name_conflicts_;
  Connection::Id next_id_ = 1;
  std::uint64_t terminations_ = 0;
  std::vector<std::string> published_direct_;
  std::set<net::IpAddress> published_addresses_;
  std::size_t published_active_ = 0;
  Gauge& connections_gauge_;
  Counter& refused_;
  Counter& controls_dropped_;
  Counter& controls_ignored_;
  std::unique_ptr<Listener> listener_;
  std::map<net::Endpoint, std::unique_ptr<Pending>> dials_;
  bool is_plan_due_ = false;
  Timer plan_timer_;
  Timer ticker_;
};

}  // namespace weft::gossip
