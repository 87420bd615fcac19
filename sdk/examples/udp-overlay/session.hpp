#pragma once
/// One connection on the overlay's loop: heartbeats that prove the path both ways.
///
/// Each heartbeat carries a stamp and the newest stamp from the other side. A stamp that comes back
/// proves both directions as of when it was sent; when none came back for too long, or nothing
/// arrives at all, the connection has failed and the mesh finds another way.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/service/overlay.hpp>

#include "counters.hpp"
#include "peer.hpp"

namespace weft::udp_overlay {

/// What a session needs of a socket. On the loop.
class Wire {
 public:
  /// The UDP port that peers send to.
  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
  [[nodiscard]] virtual Destination destination(const net::Endpoint& to) const = 0;
  virtual void send(const Destination& to, ByteView octets) noexcept = 0;
  /// Bytes of the largest IP packet. Errors: the kernel's.
  [[nodiscard]] virtual Result<std::uint32_t> path_mtu(const net::Endpoint& to) const = 0;

 protected:
  ~Wire() = default;
};

/// How a connection is doing, for people.
struct ConnectionStatus {
  PeerName remote{};
  std::string address;  ///< empty until the peer said where it listens
  std::uint32_t mtu = 0;
  bool is_established = false;
};

/// Created by prepare() on any control thread; then used on the loop, except where noted.
class Session {
 public:
  /// What sessions share; outlives them while the overlay runs.
  struct Context {
    Loop& loop;
    Log& log;
    Counters& counters;
    Wire& wire;
  };

  Session(const Context& context, const OverlayLink& link, std::shared_ptr<Peer> peer,
          std::shared_ptr<OverlayListener> listener);

  void confirm();
  /// Foreign octets.
  void on_control(std::uint8_t subtag, ByteView body);
  /// Ends it without telling the listener.
  void stop() noexcept;
  [[nodiscard]] ConnectionStatus describe() const;

  /// Any thread.
  [[nodiscard]] const std::shared_ptr<Peer>& peer() const noexcept { return peer_; }
  [[nodiscard]] OverlayStatus status() const;

 private:
  void on_timer();
  void send_heartbeat(TimePoint now);
  /// Reads what lanes heard; true when a stamp of ours came back.
  void read_heartbeat(TimePoint now);
  /// What is wrong with the connection at `now`, if anything.
  [[nodiscard]] std::optional<Error> defect(TimePoint now) const;
  [[nodiscard]] TimePoint deadline() const;
  void fail_with(Error reason);
  /// Gives lanes the path as it is now, when that changed.
  void publish();

  Context context_;
  const PeerName self_;
  const net::IpAddress remote_address_;
  const Duration heartbeat_;
  const Duration timeout_;
  std::shared_ptr<Peer> peer_;
  std::shared_ptr<OverlayListener> listener_;  // null when it is over
  std::optional<net::Endpoint> remote_;
  Destination destination_;
  TimePoint confirmed_at_{};
  TimePoint heartbeat_due_{};
  TimePoint proved_at_{};  // when the newest stamp that came back was sent
  bool is_confirmed_ = false;
  std::atomic<std::uint32_t> mtu_{0};
  std::atomic<bool> is_established_{false};
  Timer timer_;
};

}  // namespace weft::udp_overlay
