#pragma once
/// The mesh control plane: accepts, dials, introduces and ends connections, and ties the mesh's
/// state, its channels and its overlays together.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/plugin.hpp>
#include <weft/service/overlay.hpp>
#include <weft/transport.hpp>

#include "gossip/acceptor.hpp"
#include "gossip/channels.hpp"
#include "gossip/config.hpp"
#include "gossip/dialler.hpp"
#include "gossip/link.hpp"
#include "gossip/log_limiter.hpp"
#include "gossip/mesh_state.hpp"
#include "gossip/namesakes.hpp"
#include "gossip/refused_peers.hpp"
#include "gossip/rejection.hpp"

namespace weft::gossip {

/// What the engine tells the rest of the node.
class EngineEvents : public MeshEvents, public NameEvents {
 public:
  /// The list of direct peers as it should survive a restart.
  virtual void on_direct_peers(std::vector<std::string> peers) = 0;
  /// Where they are, as far as that is known: sorted, each once.
  virtual void on_direct_addresses(std::vector<net::IpAddress> addresses) = 0;

 protected:
  ~EngineEvents() = default;
};

/// Used on the mesh's loop only.
class Engine final : private ConnectionOwner, private MeshObserver, private DiallerEvents {
 public:
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
  [[nodiscard]] DirectPeers& direct_peers() noexcept { return dialler_.direct_peers(); }

  [[nodiscard]] Namesakes& namesakes() noexcept { return namesakes_; }

  // What there is to see.
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const MeshState& state() const noexcept { return state_; }
  [[nodiscard]] const Links& links() const noexcept { return links_; }
  [[nodiscard]] const ConnectionMaker& maker() const noexcept { return dialler_.maker(); }
  [[nodiscard]] const DirectPeers& direct_peers() const noexcept { return dialler_.direct_peers(); }
  [[nodiscard]] const RefusedPeers& refused_peers() const noexcept { return refused_peers_; }
  [[nodiscard]] std::uint64_t terminations() const noexcept { return terminations_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return acceptor_.local().port; }

 private:
  // ConnectionOwner
  void on_introduced(Connection& connection, const Introduction& introduction) override;
  void on_message(Connection& connection, ByteView message) override;
  void on_drained(Connection& connection) override;
  void on_dropped(Connection& connection, DropReason reason, const Error& error) override;

  // MeshObserver
  [[nodiscard]] std::size_t active_direct_peers() const override {
    return dialler_.maker().active_direct_peers();
  }
  void on_candidates_changed() override { dialler_.plan_soon(); }
  void announce(const PeerNames& names) override { channels_.announce(names); }
  bool announce_at_once(const PeerNames& names, Audience audience) override;

  // DiallerEvents
  void on_dialled(const ConnectionMaker::Dial& dialled, std::unique_ptr<Stream> stream) override;
  void on_planned() override;
  void on_direct_peers(std::vector<std::string> peers) override {
    env_.events.on_direct_peers(std::move(peers));
  }
  void on_direct_addresses(std::vector<net::IpAddress> addresses) override {
    env_.events.on_direct_addresses(std::move(addresses));
  }

  void open(std::unique_ptr<Stream> stream, net::Endpoint address, bool outbound, bool is_direct);
  [[nodiscard]] bool is_trusted(const net::IpAddress& address) const;
  void tick();

  // admission.cpp: from an introduction to a neighbour, and its end
  [[nodiscard]] Admission admit(Link& link, const Introduction& introduction);
  [[nodiscard]] Admission prepare_overlay(Link& link, const mesh::Features& remote,
                                          const Introduction& introduction);
  [[nodiscard]] Admission settle_duplicate(Link& link);
  void add(Link& link, bool send_everything);
  [[nodiscard]] Liveness liveness(const mesh::Features& remote) const;
  [[nodiscard]] SwitchCallbacks overlay_callbacks(Connection::Id id);
  void on_overlay_established(Connection::Id id);
  void on_notice(Link& link, const mesh::Notice& notice);
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
  LogLimiter log_limiter_;  // of what strangers cause
  Turns turns_{Connection::long_at_once};
  Links links_;
  MeshState state_;
  Channels channels_;
  Dialler dialler_;
  Acceptor acceptor_;
  Namesakes namesakes_;
  RefusedPeers refused_peers_;
  Connection::Id next_id_ = 1;
  std::uint64_t terminations_ = 0;
  Gauge& connections_gauge_;
  Counter& controls_dropped_;
  Counter& controls_ignored_;
  Timer ticker_;
};

}  // namespace weft::gossip
