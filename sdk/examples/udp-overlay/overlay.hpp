#pragma once
/// The overlay: a port on every lane, and a session for each connection.

#include <memory>
#include <string_view>
#include <vector>

#include <weft/overlay/sessions.hpp>
#include <weft/overlay/udp_port.hpp>
#include <weft/plugin.hpp>

#include "datagram.hpp"
#include "lane_port.hpp"
#include "peer.hpp"

namespace weft::udp_overlay {

/// Owned by the plugin. `prepare` and the connections it makes may be used on any control thread;
/// everything else on the loop.
class UdpOverlay final : public Overlay {
 public:
  UdpOverlay(Host& host, Dataplane& dataplane);
  ~UdpOverlay() { stop(); }

  /// Opens the sockets and puts them on the lanes. Errors: the kernel's.
  [[nodiscard]] Result<> start(const net::Endpoint& listen);
  /// Ends every connection and leaves the lanes.
  void stop() noexcept;

  [[nodiscard]] std::string_view name() const noexcept override { return "udp-overlay"; }
  /// Before sleeve, which would have to encrypt nothing and do the same work; after fastdp.
  [[nodiscard]] int preference() const noexcept override { return 20; }
  [[nodiscard]] std::uint32_t overhead() const noexcept override {
    return net::ipv4_header_bytes + net::udp_header_bytes + header_bytes + ethernet_header_bytes;
  }
  /// Errors: Errc::unsupported for a connection that must be encrypted.
  [[nodiscard]] Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink& link, std::shared_ptr<OverlayListener> listener) override;

  /// Where it listens; the port is never 0.
  [[nodiscard]] net::Endpoint local() const noexcept { return port_.local(); }
  [[nodiscard]] std::vector<overlay::UdpStatus> describe() const;

 private:
  Host& host_;
  Dataplane& dataplane_;
  overlay::Counters counters_;
  PeerTable peers_;
  overlay::UdpPort<LanePort> port_;
  overlay::Sessions<Peer> sessions_;  // last: they use everything above
};

}  // namespace weft::udp_overlay
