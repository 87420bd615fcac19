/// Turns what the state machine asks for into frames, control messages and reports.

#include "session.hpp"

#include <algorithm>

#include <weft/net/headers.hpp>

namespace weft::fastdp {
namespace {

/// Sub-tag of the control message over TCP that acknowledges the first heartbeat.
/// Source: weaveworks/weave router/fastdp.go, FastDatapathHeartbeatAck.
constexpr std::uint8_t heartbeat_ack = 0;
/// Of the one that says how to encrypt for its sender: FastDatapathCryptoInitSARemote.
constexpr std::uint8_t crypto_offer = 1;

// Source: weaveworks/weave router/fastdp.go, router/sleeve.go: FastHeartbeat, SlowHeartbeat,
// HeartbeatTimeout.
constexpr overlay::Pace weave_net_pace{.probing = std::chrono::milliseconds{500},
                                       .heartbeat = std::chrono::seconds{10},
                                       .patience = std::chrono::seconds{60},
                                       .timeout = std::chrono::seconds{60}};

/// Half of what any policy asks for; sequence numbers of 64 bits do not run out.
constexpr Duration rekey_interval = std::chrono::hours{12};
constexpr Duration rekey_retry = std::chrono::minutes{1};

/// A path that is narrower indeed loses some frames each time that the kernel forgets it.
constexpr Duration distrust_interval = std::chrono::seconds{10};

}  // namespace

Session::Session(Context context, const OverlayLink& link,
                 std::shared_ptr<TunnelForwarder> forwarder,
                 std::shared_ptr<OverlayListener> listener)
    : context_(std::move(context)),
      link_(link),
      forwarder_(std::move(forwarder)),
      listener_(std::move(listener)),
      liveness_(overlay::agreed_pace(link.heartbeat, link.timeout, weave_net_pace)),
      hearing_(link.timeout),
      path_(max_mtu, link.timeout) {}

void Session::begin(const TunnelPort& tunnel, std::uint32_t mtu) {
  if (is_over_) {
    return;
  }
  output_ = TunnelOutput{{.source = link_.local_address.address.v4_value(),
                          .destination = link_.remote_address.address.v4_value()},
                         tunnel.number};
  set_pods_mtu(mtu);
  publish();
  ipsec::Ipsec* const ipsec = context_.ipsec();
  if (link_.session_key) {
    if (const auto begun = begin_encryption(tunnel.udp_port); !begun) {
      fail_with(begun.error());
    }
    return;
  }
  if (ipsec != nullptr) {
    ipsec->allow_clear(link_, tunnel.udp_port);
  }
  begin_heartbeats();
}

void Session::begin_heartbeats() {
  if (!liveness_.is_begun()) {
    const TimePoint now = context_.loop.now();
    liveness_.begin(now);
    liveness_.beat(now);
    on_timer();
  }
}

Result<> Session::begin_encryption(std::uint16_t tunnel_port) {
  WEFT_TRY(encryption_, context_.ipsec()->link(link_, tunnel_port));
  if (is_weft_peer()) {
    WEFT_TRY(offer_key());
  }
  if (const auto early = std::exchange(early_offer_, std::nullopt)) {
    accept_key(*early);
  }
  return {};
}

Result<> Session::offer_key() {
  Bytes offer;
  WEFT_TRY(offer, encryption_->expect());
  listener_->send_control(crypto_offer, std::move(offer));
  if (is_weft_peer()) {  // Weave Net peers take one offer for a connection
    renew_key_in(rekey_interval);
  }
  return {};
}

void Session::renew_key_in(Duration wait) {
  rekey_timer_ = context_.loop.after(wait, [this] {
    if (const auto offered = offer_key(); !offered) {
      context_.log.error("key not renewed", "peer", link_.remote, "error", offered.error());
      renew_key_in(rekey_retry);
    }
  });
}

void Session::accept_key(ByteView body) {
  if (const auto accepted = encryption_->accept(body); !accepted) {
    context_.log.error("peer's key not accepted", "peer", link_.remote, "error", accepted.error());
    return;
  }
  if (!encryption_->is_ready()) {  // a Weave Net peer, which has confirmed its side
    if (const auto offered = offer_key(); !offered) {
      fail_with(offered.error());
      return;
    }
  }
  begin_heartbeats();  // nothing leaves before it is encrypted
}

void Session::fail_with(Error reason) {
  const auto listener = listener_;
  stop();
  encryption_.reset();
  listener->on_failed(std::move(reason));
}

void Session::set_port(PortNumber number) {
  if (output_ && std::exchange(output_->port, number) != number) {
    publish();
    context_.changed();
  }
}

void Session::set_pods_mtu(std::uint32_t mtu) {
  pods_mtu_ = std::min(mtu, max_mtu);
  path_.set_own(pods_mtu_);
  update_mtu();
}

void Session::on_control(std::uint8_t subtag, ByteView body) {
  if (is_over_) {
    return;
  }
  if (subtag == heartbeat_ack) {
    if (!is_weft_peer()) {  // echoes say it, and more
      on_answered(context_.loop.now());
    }
  } else if (subtag == crypto_offer && encryption_ != nullptr) {
    accept_key(body);
  } else if (subtag == crypto_offer && link_.session_key) {
    early_offer_ = Bytes(body.begin(), body.end());
  }
}

bool Session::on_heartbeat(PortNumber port, std::uint32_t from, const Heartbeat& heartbeat) {
  if (is_over_ || !output_) {
    return true;
  }
  if (output_->tunnel.destination != from) {
    if (!std::exchange(is_elsewhere_logged_, true)) {
      context_.log.warn("heartbeats of the fast datapath from another address than the peer's",
                        "peer", link_.remote, "from", net::IpAddress::v4(from), "address",
                        net::IpAddress::v4(output_->tunnel.destination));
    }
    return false;
  }
  if (link_.session_key && port != output_->port) {
    return false;  // only on the connection's port is it encrypted
  }
  listen(heartbeat);
  return true;
}

void Session::listen(const Heartbeat& heartbeat) {
  const TimePoint now = context_.loop.now();
  const auto mtu = static_cast<std::uint32_t>(heartbeat.frame_bytes - net::ethernet_header_bytes);
  if (is_weft_peer()) {
    path_.on_echo(heartbeat.echo, now);
    if (hearing_.heard(std::min(mtu, pods_mtu_), now)) {
      send_heartbeat(
          std::min(overlay::EchoedMtu::floor, pods_mtu_));  // the echo is what it waits for
    }
  } else {
    weave_net_mtu_ = mtu;
  }
  update_mtu();
  if (liveness_.heard(now) && !is_weft_peer()) {
    listener_->send_control(heartbeat_ack, {});
  }
  judge();
  if (is_weft_peer() && path_.mtu() != 0) {
    on_answered(now);
  }
}

void Session::update_mtu() {
  const std::uint32_t now = is_weft_peer() ? path_.mtu() : std::min(pods_mtu_, weave_net_mtu_);
  if (mtu_.exchange(now, std::memory_order_relaxed) == now || !output_) {
    return;
  }
  output_->mtu = now != 0 ? now : pods_mtu_;
  publish();
  context_.changed();
  distrust_route();
}

/// Once for each MTU that was found: where the report was true, the search finds the same again.
void Session::distrust_route() {
  distrust_timer_.cancel();
  const TimePoint now = context_.loop.now();
  if (is_over_ || (is_weft_peer() && !path_.is_narrow())) {
    return;
  }
  if (now < distrust_due_) {
    distrust_timer_ = context_.loop.after(distrust_due_ - now, [this] { distrust_route(); });
  } else if (context_.forget_reports(link_.local_address.address, link_.remote_address.address)) {
    distrust_due_ = now + distrust_interval;
    path_.search_again();
  }
}

void Session::stop() noexcept {
  is_over_ = true;
  timer_.cancel();
  distrust_timer_.cancel();
  rekey_timer_.cancel();
  listener_.reset();
  output_.reset();
  publish();
}

void Session::on_answered(TimePoint now) {
  if (liveness_.answered(now)) {
    is_established_.store(true, std::memory_order_relaxed);
    context_.log.info("fast datapath established", "peer", link_.remote, "address",
                      net::IpAddress::v4(output_->tunnel.destination), "mtu",
                      mtu_.load(std::memory_order_relaxed));
    listener_->on_established();
    judge();
  }
}

void Session::on_timer() {
  const auto due = liveness_.on_timer(context_.loop.now());
  if (due.heartbeat || (due.silence && is_weft_peer())) {  // which learns that we hear nothing
    send_heartbeats();
  }
  judge();
}

void Session::judge() {
  const auto keep = shared_from_this();
  report_health();
  arm();
}

void Session::send_heartbeats() {
  if (!is_weft_peer()) {
    distrust_route();  // nothing says whether the last one arrived
    send_heartbeat(pods_mtu_);
    return;
  }
  for (const std::uint32_t mtu : path_.sizes(context_.loop.now())) {
    send_heartbeat(mtu);
  }
}

void Session::send_heartbeat(std::uint32_t mtu) {
  if (!output_) {
    return;
  }
  Heartbeat heartbeat{.uid = link_.connection_uid,
                      .frame_bytes = static_cast<std::uint16_t>(mtu + net::ethernet_header_bytes)};
  if (is_weft_peer()) {
    heartbeat.echo = {pods_mtu_, hearing_.largest(context_.loop.now())};
  }
  context_.send(link_.remote, *output_, heartbeat);
}

/// A path is no good when the peer is not heard, and between weft peers also when it does not hear
/// us, or only less than what passed so far: another overlay carries the frames meanwhile.
void Session::report_health() {
  if (is_weft_peer() && liveness_.is_silent() && path_.mtu() != 0) {
    path_.on_silence();
    update_mtu();
  }
  const bool is_cut = is_weft_peer() && liveness_.is_answered() && path_.mtu() == 0;
  const bool is_healthy = !liveness_.is_silent() && !is_cut;
  if (listener_ != nullptr && std::exchange(was_healthy_, is_healthy) != is_healthy) {
    listener_->on_health(is_healthy);
  }
}

void Session::arm() {
  timer_.cancel();
  const auto due = liveness_.next_deadline();
  if (due && !is_over_) {
    timer_ = context_.loop.after(std::max(*due - context_.loop.now(), Duration{0}),
                                 [this] { on_timer(); });
  }
}

void Session::publish() {
  forwarder_->lead_to(output_);
}

SessionStatus Session::describe() const {
  const char* const state = !output_                  ? "prepared"
                            : !was_healthy_           ? "unhealthy"
                            : liveness_.is_answered() ? "established"
                                                      : "connecting";
  const std::uint32_t address =
      output_ ? output_->tunnel.destination : link_.remote_address.address.v4_value();
  return {link_.remote, net::to_string(net::IpAddress::v4(address)), state,
          link_.session_key.has_value(), mtu_.load(std::memory_order_relaxed)};
}

OverlayStatus Session::status() const {
  return {.overlay = "fastdp",
          .mtu = mtu_.load(std::memory_order_relaxed),
          .encrypted = link_.session_key.has_value(),
          .established = is_established_.load(std::memory_order_relaxed)};
}

}  // namespace weft::fastdp
