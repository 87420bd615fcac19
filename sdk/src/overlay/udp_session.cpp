/// Sends heartbeats, judges what came back, and opens and closes the path for lanes.

#include <weft/overlay/udp_session.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>
#include <weft/net/headers.hpp>

namespace weft::overlay {
namespace {

using namespace std::chrono_literals;

// Until the path is proved: frames wait for it.
constexpr Duration probe_interval = 50ms;
// Heartbeat and timeout are those between peers that agreed on nothing. The patience is for both
// sides to confirm and to say where they listen.
constexpr Pace default_pace{
    .probing = probe_interval, .heartbeat = 1s, .patience = 10s, .timeout = 5s};

constexpr std::uint8_t listening_subtag = 1;

constexpr std::uint32_t largest_packet_bytes = 65535;  // loopback claims one more

Pace pace_of(const OverlayLink& link) {
  Pace pace = agreed_pace(link.heartbeat, link.timeout, default_pace);
  pace.probing = std::min(pace.probing, probe_interval);
  return pace;
}

/// The largest IP packet inside an outer one of `path_mtu` bytes.
std::uint32_t inner_mtu(std::uint32_t path_mtu, net::Family family, std::size_t header_bytes) {
  const auto overhead = static_cast<std::uint32_t>(
      (family == net::Family::v4 ? net::ipv4_header_bytes : net::ipv6_header_bytes) +
      net::udp_header_bytes + header_bytes + net::ethernet_header_bytes);
  const std::uint32_t outer = std::min(path_mtu, largest_packet_bytes);
  return outer > overhead ? outer - overhead : 0;
}

const char* what(StampedLiveness::Defect defect) noexcept {
  switch (defect) {
    case StampedLiveness::Defect::unanswered:
      return "get an answer from";
    case StampedLiveness::Defect::silent:
      return "hear";
    case StampedLiveness::Defect::unheard:
      break;
  }
  return "be heard by";
}

}  // namespace

UdpSession::UdpSession(const Context& context, const Traits& traits, const OverlayLink& link,
                       std::shared_ptr<OverlayListener> listener)
    : self(link.local),
      name(link.remote),
      connection(link.connection_uid),
      path(context.lanes),
      context_(context),
      traits_(traits),
      remote_address_(link.remote_address.address),
      liveness_(pace_of(link)),
      listener_(std::move(listener)) {}

void UdpSession::confirm() {
  const TimePoint now = context_.loop.now();
  liveness_.begin(now);
  if (remote_) {
    liveness_.beat(now);
  }
  Bytes port(2);
  store_be(port.data(), context_.underlay.port());
  listener_->send_control(listening_subtag, std::move(port));
  on_timer();
}

void UdpSession::on_control(std::uint8_t subtag, ByteView body) {
  const auto port = body.size() == 2 ? load_be<std::uint16_t>(body.data()) : std::uint16_t{0};
  if (subtag != listening_subtag || port == 0 || remote_) {
    context_.counters.drop(Drop::bad_control);
    return;
  }
  remote_ = net::Endpoint{remote_address_, port};
  destination_ = context_.underlay.destination(*remote_);
  if (liveness_.is_begun() && listener_) {
    liveness_.beat(context_.loop.now());
    on_timer();
  }
}

void UdpSession::on_timer() {
  const TimePoint now = context_.loop.now();
  if (liveness_.heard(pulse.last_heard(), pulse.stamps().echo)) {
    liveness_.beat(now);  // the peer waits for its stamp, too
    is_established_ = true;
    context_.log.info("overlay connection established", "overlay", traits_.overlay, "peer", name,
                      "address", *remote_);
    publish();
    listener_->on_established();
  }
  const StampedLiveness::Due due = liveness_.on_timer(now);
  if (due.defect) {
    fail_with(*due.defect);
    return;
  }
  if (due.heartbeat) {
    send_heartbeat(now);
  }
  publish();
  timer_ = context_.loop.after(std::max(*liveness_.next_deadline() - now, Duration{1ms}),
                               [this] { on_timer(); });
}

void UdpSession::send_heartbeat(TimePoint now) {
  if (const auto path_mtu = context_.underlay.path_mtu(*remote_)) {
    mtu_ = inner_mtu(*path_mtu, remote_->address.family, traits_.header_bytes);
  } else {
    context_.log.debug("path MTU unknown", "peer", name, "error", path_mtu.error());
  }
  context_.underlay.send(destination_, heartbeat({liveness_.stamp(now), pulse.stamps().stamp}));
}

void UdpSession::fail_with(StampedLiveness::Defect defect) {
  const auto listener = std::exchange(listener_, nullptr);
  UdpSession::end();
  listener->on_failed(Error{make_error_code(Errc::timeout),
                            fmt::format("{} peer {} over UDP", what(defect), to_string(name))});
}

void UdpSession::end() noexcept {
  listener_.reset();
  timer_.cancel();
  is_established_ = false;
  publish();
}

void UdpSession::publish() {
  const bool is_open = is_established_ && mtu_ != 0;
  const UdpPath& old = *path.owner();
  if (old.is_open != is_open || (is_open && old.limits.mtu != mtu_)) {
    path.publish(std::make_shared<const UdpPath>(
        UdpPath{is_open, destination_, {.mtu = mtu_, .kernels_fragment = false}}));
  }
}

OverlayStatus UdpSession::status() const {
  return {.overlay = std::string(traits_.overlay),
          .mtu = mtu_,
          .encrypted = false,
          .established = is_established_};
}

UdpStatus UdpSession::describe() const {
  return {name, remote_ ? net::to_string(*remote_) : std::string(), mtu_, is_established_};
}

}  // namespace weft::overlay
