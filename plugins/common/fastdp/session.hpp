#pragma once
/// One connection's fast path on the loop: heartbeats, health, the remote's address and its MTU.

#include <atomic>
#include <functional>
#include <memory>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/overlay/echoed_mtu.hpp>
#include <weft/overlay/liveness.hpp>
#include <weft/overlay/sessions.hpp>
#include <weft/service/overlay.hpp>

#include "heartbeat.hpp"
#include "ipsec/ipsec.hpp"
#include "tunnel.hpp"

namespace weft::fastdp {

/// How a connection stands, for reports.
struct SessionStatus {
  PeerName remote{};
  std::string address;
  std::string state;  ///< "prepared", "connecting", "established", "unhealthy"
  bool is_encrypted = false;
  std::uint32_t mtu = 0;  ///< largest IP packet inside, bytes; 0 while unknown
};

/// Everything on the loop, but `forwarder` and `status`.
///
/// Source: weaveworks/weave router/fastdp.go, fastDatapathForwarder. Deliberately different:
/// between weft peers the agreed heartbeat and timeout replace Weave Net's; while unhealthy,
/// heartbeats keep their pace, so that the fast path is back as soon as it works.
class Session final : public overlay::Session, public std::enable_shared_from_this<Session> {
 public:
  struct Context {
    Loop& loop;
    Log& log;
    /// Sends a heartbeat of this connection into the tunnel.
    std::function<void(PeerName remote, const TunnelOutput& output, const Heartbeat& heartbeat)>
        send;
    /// The way to the remote is not what it was: another address or MTU.
    std::function<void()> changed;
    /// Null where the kernel has none, and nothing is to be encrypted.
    std::function<ipsec::Ipsec*()> ipsec;
    /// Has the kernel forget a path MTU between the two that is less than the interface's: ICMP
    /// told it, and anybody can forge that. False when it was told nothing, or cannot forget.
    std::function<bool(const net::IpAddress& local, const net::IpAddress& remote)> forget_reports;
    /// The mesh accepted the connection: `begin` with its tunnel.
    std::function<void(Session&)> confirmed;
    /// It is over: `stop`.
    std::function<void(Session&)> ended;
  };

  Session(Context context, const OverlayLink& link, std::shared_ptr<TunnelForwarder> forwarder,
          std::shared_ptr<OverlayListener> listener);

  void confirm() override { context_.confirmed(*this); }
  void on_control(std::uint8_t subtag, ByteView body) override;
  void end() noexcept override { context_.ended(*this); }
  [[nodiscard]] std::shared_ptr<Forwarder> forwarder() override { return forwarder_; }
  [[nodiscard]] OverlayStatus status() const override;

  /// `tunnel`: the back end's port towards the remote. `mtu`: of this node's pods.
  void begin(const TunnelPort& tunnel, std::uint32_t mtu);
  /// The port has another number now.
  void set_port(PortNumber number);
  void set_pods_mtu(std::uint32_t mtu);
  /// A heartbeat with our UID that arrived whole, through this port from this outer address. False
  /// when it counts for nothing: from elsewhere than the TCP connection's remote anybody could have
  /// sent a copy. A peer that is reached in UDP at another address is left to other overlays.
  bool on_heartbeat(PortNumber port, std::uint32_t from, const Heartbeat& heartbeat);
  /// Nothing is sent or reported any more.
  void stop() noexcept;
  /// The connection's encryption, for as long as flows may still use the tunnel. Null in clear.
  [[nodiscard]] std::unique_ptr<ipsec::Ipsec::Link> take_encryption() noexcept {
    return std::move(encryption_);
  }

  /// Frames passed both ways until just now: with a weft peer, as far as heartbeats tell.
  [[nodiscard]] bool is_working() const noexcept {
    return output_ && is_weft_peer() && liveness_.is_fresh(context_.loop.now()) && path_.mtu() != 0;
  }
  [[nodiscard]] const OverlayLink& link() const noexcept { return link_; }
  /// Where the remote is; empty before `begin` and after `stop`.
  [[nodiscard]] const std::optional<TunnelOutput>& output() const noexcept { return output_; }
  [[nodiscard]] SessionStatus describe() const;

 private:
  /// The other kind is a Weave Net peer.
  [[nodiscard]] bool is_weft_peer() const noexcept { return link_.heartbeat.count() > 0; }
  [[nodiscard]] Result<> begin_encryption(std::uint16_t tunnel_port);
  /// Announces how to send to us, and to weft peers again before the key has served long enough.
  /// To a Weave Net peer only once its own announcement came, which it makes when it confirms: one
  /// that gets ours earlier never begins to send heartbeats. Source: weaveworks/weave
  /// router/fastdp.go, handleCryptoInitSARemote.
  [[nodiscard]] Result<> offer_key();
  void renew_key_in(Duration wait);
  void accept_key(ByteView body);
  void fail_with(Error reason);
  void send_heartbeats();
  void send_heartbeat(std::uint32_t mtu);
  void listen(const Heartbeat& heartbeat);
  void begin_heartbeats();
  void on_answered(TimePoint now);
  void on_timer();
  void judge();
  void report_health();
  void update_mtu();
  /// The kernel refuses what exceeds the path MTU that it was told of: measures without that.
  void distrust_route();
  void arm();
  void publish();

  Context context_;
  const OverlayLink link_;
  std::shared_ptr<TunnelForwarder> forwarder_;
  std::shared_ptr<OverlayListener> listener_;
  overlay::Liveness liveness_;
  std::uint32_t pods_mtu_ = 0;
  std::uint32_t weave_net_mtu_ = UINT32_MAX;  // of its pods, as its heartbeats show
  overlay::MtuHearing hearing_;
  overlay::EchoedMtu path_;
  bool was_healthy_ = true;  // when last reported
  std::optional<TunnelOutput> output_;
  std::unique_ptr<ipsec::Ipsec::Link> encryption_;
  std::optional<Bytes> early_offer_;  // arrived before this side confirmed
  bool is_elsewhere_logged_ = false;
  bool is_over_ = false;
  std::atomic<bool> is_established_{false};
  std::atomic<std::uint32_t> mtu_{0};
  TimePoint distrust_due_{};  // not before
  Timer distrust_timer_;
  Timer rekey_timer_;
  Timer timer_;
};

}  // namespace weft::fastdp
