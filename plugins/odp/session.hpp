#pragma once
/// One connection's fast path on the loop: heartbeats, health, the remote's address.

#include <atomic>
#include <functional>
#include <memory>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/service/overlay.hpp>

#include "liveness.hpp"
#include "tunnel.hpp"

namespace weft::odp {

/// How a connection stands, for reports.
struct SessionStatus {
  PeerName remote{};
  std::string address;
  std::string state;  ///< "prepared", "connecting", "established", "unhealthy"
};

/// Everything on the loop, but `status`.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  struct Context {
    Loop& loop;
    Log& log;
    /// Sends a heartbeat of this connection into the tunnel.
    std::function<void(PeerName remote, const TunnelOutput& output, std::uint64_t uid)> send;
  };

  Session(Context context, const OverlayLink& link, std::shared_ptr<TunnelForwarder> forwarder,
          std::shared_ptr<OverlayListener> listener, std::uint32_t mtu);

  /// `port`: the datapath's port towards the remote.
  void confirm(PortNumber port);
  void on_control(std::uint8_t subtag);
  /// A heartbeat with our UID that arrived whole, from this outer address.
  void on_heartbeat(std::uint32_t from);
  /// Nothing is sent or reported any more.
  void stop() noexcept;

  /// Frames passed both ways until just now: with a weft peer, as far as heartbeats tell.
  [[nodiscard]] bool is_working() const noexcept {
    return output_ && liveness_.is_fresh(context_.loop.now());
  }
  [[nodiscard]] const OverlayLink& link() const noexcept { return link_; }
  [[nodiscard]] const std::shared_ptr<TunnelForwarder>& forwarder() const noexcept {
    return forwarder_;
  }
  /// Where the remote is; empty before `confirm` and after `stop`.
  [[nodiscard]] const std::optional<TunnelOutput>& output() const noexcept { return output_; }
  [[nodiscard]] SessionStatus describe() const;
  /// Any thread.
  [[nodiscard]] OverlayStatus status() const;

 private:
  void run(const LivenessActions& actions);
  void arm();
  void publish();

  Context context_;
  const OverlayLink link_;
  std::shared_ptr<TunnelForwarder> forwarder_;
  std::shared_ptr<OverlayListener> listener_;
  const std::uint32_t mtu_;
  Liveness liveness_;
  std::optional<TunnelOutput> output_;
  bool is_over_ = false;
  std::atomic<bool> is_established_{false};
  Timer timer_;
};

}  // namespace weft::odp
