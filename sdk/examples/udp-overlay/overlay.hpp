#pragma once
/// The overlay: a socket on every lane, sessions on the loop.

#include <map>
#include <memory>
#include <vector>

#include <weft/lane.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/service/dataplane.hpp>
#include <weft/service/overlay.hpp>

#include "counters.hpp"
#include "lane_port.hpp"
#include "peer.hpp"
#include "session.hpp"

namespace weft::udp_overlay {

/// Owned by the plugin. `prepare` and the connections it makes may be used on any control thread;
/// everything else on the loop.
class UdpOverlay final : public Overlay, private Wire {
 public:
  struct Node {
    Loop& loop;
    Lanes& lanes;
    Dataplane& dataplane;
    Metrics& metrics;
    Log& log;
  };

  explicit UdpOverlay(const Node& node);
  ~UdpOverlay();

  /// Opens the sockets and puts them on the lanes. Errors: the kernel's.
  [[nodiscard]] Result<> start(const net::Endpoint& listen);
  /// Ends every connection and leaves the lanes.
  void stop() noexcept;

  [[nodiscard]] std::string_view name() const noexcept override { return "udp-overlay"; }
  /// Before sleeve, which would have to encrypt nothing and do the same work; after fastdp.
  [[nodiscard]] int preference() const noexcept override { return 20; }
  /// Errors: Errc::unsupported for a connection that must be encrypted.
  [[nodiscard]] Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink& link, std::shared_ptr<OverlayListener> listener) override;

  /// Where it listens; the port is never 0.
  [[nodiscard]] net::Endpoint local() const noexcept { return local_of(first_socket()); }
  [[nodiscard]] std::vector<ConnectionStatus> describe() const;

 private:
  class Connection;

  [[nodiscard]] const Fd& first_socket() const noexcept { return ports_->all().front()->socket(); }
  [[nodiscard]] std::uint16_t port() const noexcept override { return local().port; }
  [[nodiscard]] Destination destination(const net::Endpoint& to) const override {
    return Destination(first_socket(), to);
  }
  void send(const Destination& to, ByteView octets) noexcept override {
    send_one(first_socket(), to, octets);
  }
  [[nodiscard]] Result<std::uint32_t> path_mtu(const net::Endpoint& to) const override {
    return query_path_mtu(to);
  }

  void confirm(const std::shared_ptr<Session>& session);
  void end(const std::shared_ptr<Session>& session);
  void publish_peers();

  Node node_;
  Counters counters_;
  LaneLocal<PeerTable> peers_;
  std::shared_ptr<PerLane<LanePort>> ports_;
  bool is_running_ = false;
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;  // confirmed, by connection
  std::vector<LaneRegistration> registrations_;                 // last: lanes use everything above
};

}  // namespace weft::udp_overlay
