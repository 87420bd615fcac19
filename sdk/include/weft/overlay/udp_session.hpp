#pragma once
/// A connection over UDP whose heartbeats prove the path both ways.
///
/// Each end tells the other its UDP port over the mesh's TCP connection: control message 1, two
/// octets, big-endian. From then on heartbeats with stamps go out, often until one came back. The
/// path is open from then on, with the MTU that the kernel knows, until no stamp comes back for too
/// long, or nothing arrives at all: then the connection has failed and the mesh finds another way.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <weft/lane.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/overlay/counters.hpp>
#include <weft/overlay/liveness.hpp>
#include <weft/overlay/sessions.hpp>
#include <weft/overlay/udp_lane.hpp>
#include <weft/overlay/underlay.hpp>

namespace weft::overlay {

/// How a connection is doing, for people.
struct UdpStatus {
  PeerName remote{};
  std::string address;    ///< empty until the peer said where it listens
  std::uint32_t mtu = 0;  ///< largest IP packet inside, bytes; 0 while unknown
  bool is_established = false;
};

/// The overlay derives from it to say how heartbeats look and how lanes forward frames. Created by
/// Overlay::prepare on any control thread, held by std::shared_ptr; then used on the loop, except
/// where noted.
class UdpSession : public Session,
                   public Forwarder,
                   public std::enable_shared_from_this<UdpSession> {
 public:
  /// What the sessions of an overlay share; outlives them while the overlay runs.
  struct Context {
    Loop& loop;
    Lanes& lanes;
    Log& log;
    Counters& counters;
    Underlay& underlay;
  };
  struct Traits {
    std::string_view overlay;      ///< its name; outlives the session
    std::size_t header_bytes = 0;  ///< between the UDP header and the Ethernet frame
  };

  UdpSession(const Context& context, const Traits& traits, const OverlayLink& link,
             std::shared_ptr<OverlayListener> listener);

  void confirm() override;
  void on_control(std::uint8_t subtag, ByteView body) override;
  void end() noexcept override;
  [[nodiscard]] std::shared_ptr<Forwarder> forwarder() override { return shared_from_this(); }
  [[nodiscard]] OverlayStatus status() const override;
  [[nodiscard]] UdpStatus describe() const;

  const PeerName self;
  const PeerName name;             ///< the remote's
  const std::uint64_t connection;  ///< both ends know it, and nobody else
  Pulse pulse;                     ///< lanes tell it what they hear
  LaneLocal<UdpPath> path;         ///< lanes read it

 protected:
  /// The datagram of a heartbeat.
  [[nodiscard]] virtual Bytes heartbeat(const Stamps& stamps) const = 0;

 private:
  void on_timer();
  void send_heartbeat(TimePoint now);
  void fail_with(StampedLiveness::Defect defect);
  /// Gives lanes the path as it is now, when that changed.
  void publish();

  Context context_;
  const Traits traits_;
  const net::IpAddress remote_address_;
  StampedLiveness liveness_;
  std::shared_ptr<OverlayListener> listener_;  // null when it is over
  std::optional<net::Endpoint> remote_;
  Destination destination_;
  std::atomic<std::uint32_t> mtu_{0};
  std::atomic<bool> is_established_{false};
  Timer timer_;
};

}  // namespace weft::overlay
