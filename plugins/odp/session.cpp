/// Turns what the state machine asks for into frames, control messages and reports.

#include "session.hpp"

#include <algorithm>

namespace weft::odp {
namespace {

/// Sub-tag of the control message over TCP that acknowledges the first heartbeat.
/// Source: weaveworks/weave router/fastdp.go, FastDatapathHeartbeatAck.
constexpr std::uint8_t heartbeat_ack = 0;

}  // namespace

Session::Session(Context context, const OverlayLink& link,
                 std::shared_ptr<TunnelForwarder> forwarder,
                 std::shared_ptr<OverlayListener> listener, std::uint32_t mtu)
    : context_(std::move(context)),
      link_(link),
      forwarder_(std::move(forwarder)),
      listener_(std::move(listener)),
      mtu_(mtu),
      liveness_(link.heartbeat, link.timeout) {}

void Session::confirm(PortNumber port) {
  if (is_over_) {
    return;
  }
  output_ = TunnelOutput{{.source = link_.local_address.address.v4_value(),
                          .destination = link_.remote_address.address.v4_value()},
                         port};
  publish();
  run(liveness_.confirm(context_.loop.now()));
}

void Session::on_control(std::uint8_t subtag) {
  if (!is_over_ && subtag == heartbeat_ack) {
    run(liveness_.acknowledged(context_.loop.now()));
  }
}

void Session::on_heartbeat(std::uint32_t from) {
  if (is_over_ || !output_) {
    return;
  }
  if (output_->tunnel.destination != from) {
    context_.log.info("peer reached at another address", "peer", link_.remote, "address",
                      net::IpAddress::v4(from));
    output_->tunnel.destination = from;
    publish();
  }
  run(liveness_.heard(context_.loop.now()));
}

void Session::stop() noexcept {
  is_over_ = true;
  timer_.cancel();
  listener_.reset();
  output_.reset();
  publish();
}

void Session::run(const LivenessActions& actions) {
  const auto keep = shared_from_this();
  if (actions.send_heartbeat && output_) {
    context_.send(link_.remote, *output_, link_.connection_uid);
  }
  if (actions.send_ack) {
    listener_->send_control(heartbeat_ack, {});
  }
  if (actions.is_established) {
    is_established_.store(true, std::memory_order_relaxed);
    context_.log.info("fast datapath established", "peer", link_.remote, "address",
                      net::IpAddress::v4(output_->tunnel.destination));
    listener_->on_established();
  }
  if (actions.is_healthy) {
    listener_->on_health(*actions.is_healthy);
  }
  arm();
}

void Session::arm() {
  timer_.cancel();
  const auto due = liveness_.next_deadline();
  if (due && !is_over_) {
    timer_ = context_.loop.after(std::max(*due - context_.loop.now(), Duration{0}),
                                 [this] { run(liveness_.on_timer(context_.loop.now())); });
  }
}

void Session::publish() {
  forwarder_->view.publish(std::make_shared<const TunnelView>(TunnelView{output_}));
}

SessionStatus Session::describe() const {
  const char* const state = !output_                     ? "prepared"
                            : !liveness_.is_healthy()    ? "unhealthy"
                            : liveness_.is_established() ? "established"
                                                         : "connecting";
  const std::uint32_t address =
      output_ ? output_->tunnel.destination : link_.remote_address.address.v4_value();
  return {link_.remote, net::to_string(net::IpAddress::v4(address)), state};
}

OverlayStatus Session::status() const {
  return {.overlay = "fastdp",
          .mtu = mtu_,
          .encrypted = false,
          .established = is_established_.load(std::memory_order_relaxed)};
}

}  // namespace weft::odp
