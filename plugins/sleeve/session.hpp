#pragma once
/// One connection on the overlay's loop: carries out what its Path and its KeyExchange decide.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <weft/lane.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/overlay/sessions.hpp>
#include <weft/service/overlay.hpp>

#include <weft/overlay/router_report.hpp>

#include "cipher.hpp"
#include "counters.hpp"
#include "key_exchange.hpp"
#include "lane_event.hpp"
#include "path.hpp"
#include "peer.hpp"
#include "special_sender.hpp"

namespace weft::sleeve {

/// How a connection is doing, for people.
struct ConnectionStatus {
  PeerName remote{};
  std::string address;  ///< empty before contact
  std::uint32_t mtu = 0;
  bool is_encrypted = false;
  std::string cipher;  ///< empty in clear
  std::string state;   ///< "prepared", "connecting", "established", "failed"
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

/// Created by prepare() on any control thread; then used on the loop, except where noted.
class Session final : public overlay::Session {
 public:
  /// What sessions share; outlives them while the overlay runs.
  struct Context {
    Loop& loop;
    Log& log;
    Counters& counters;
    SpecialSender& sender;
    const Ciphers& ciphers;
    /// The connection is confirmed: lets lanes find the peer, and send to it. Errors: the kernel's.
    std::function<Result<>(const std::shared_ptr<Peer>&)> confirmed;
    /// The connection ended; forget it.
    std::function<void(const Peer&)> ended;
    /// Where the peer sends from, or with which keys, changed.
    std::function<void(const Peer&)> changed;
  };

  Session(const Context& context, const OverlayLink& link, std::shared_ptr<Peer> peer,
          std::shared_ptr<OverlayListener> listener);

  void confirm() override;
  void on_control(std::uint8_t subtag, ByteView body) override;
  void end() noexcept override;
  [[nodiscard]] std::shared_ptr<Forwarder> forwarder() override { return peer_; }
  [[nodiscard]] OverlayStatus status() const override;

  void on_event(const LaneEvent& event);
  /// Of any connection: it may be about a datagram of this one.
  void on_too_big_report(const overlay::TooBigReport& report);
  [[nodiscard]] ConnectionStatus describe() const;

  /// Any thread.
  [[nodiscard]] const std::shared_ptr<Peer>& peer() const noexcept { return peer_; }

 private:
  void stop() noexcept;
  void run(const Actions& actions);
  void perform(const action::SendHeartbeat& send);
  void perform(const action::SendFragmentationTest& send);
  void perform(const action::SendMtuTest& send);
  void perform(const action::SendAddressProbe& probe);
  void perform(const action::MoveRefused& refused);
  void perform(const action::QueryRoute& query);
  void perform(const action::SendControl& send);
  void perform(const action::Established& established);
  void perform(const action::RemoteChanged& changed);
  void perform(const action::MtuVerified& verified);
  void perform(const action::AcceptKey& accept);
  void perform(const action::SealWithKey& seal);
  void perform(const action::ForgetOldKeys& forget);
  void perform(const action::Fail& failure);
  [[nodiscard]] Destination destination_at(const net::Endpoint& to) const {
    return {context_.sender.family(), to, link_.local_address.address};
  }
  [[nodiscard]] std::string cipher() const;
  /// Gives lanes the path as it is now, when that changed.
  void publish();
  void arm();
  void on_timer();
  [[nodiscard]] bool is_usable() const noexcept { return path_.remote() && !is_over_; }

  Context context_;
  OverlayLink link_;  // without the key
  std::shared_ptr<Peer> peer_;
  std::shared_ptr<OverlayListener> listener_;
  Path path_;
  std::optional<KeyExchange> keys_;  // with a weft peer, when encrypted
  Destination destination_;
  bool is_confirmed_ = false;
  std::optional<TimePoint> refusal_logged_;
  bool is_over_ = false;
  bool has_failed_ = false;
  std::atomic<std::uint32_t> mtu_{0};
  std::atomic<bool> is_established_{false};
  Timer timer_;
};

}  // namespace weft::sleeve
