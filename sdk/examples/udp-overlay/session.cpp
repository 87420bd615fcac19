/// Sends heartbeats, judges what came back, and opens and closes the path for lanes.

#include "session.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/core.h>

#include "datagram.hpp"

namespace weft::udp_overlay {
namespace {

using namespace std::chrono_literals;

// Between peers that agreed on nothing.
constexpr Duration default_heartbeat = 1s;
constexpr Duration default_timeout = 5s;
// Until the path is proved: frames wait for it.
constexpr Duration probe_interval = 50ms;
// Until both sides have confirmed and said where they listen.
constexpr Duration establish_patience = 10s;

// The one control message: two octets, the UDP port that its sender listens on.
constexpr std::uint8_t listening_subtag = 1;

constexpr std::uint32_t udp_header_bytes = 8;
constexpr std::uint32_t ipv4_header_bytes = 20;
constexpr std::uint32_t ipv6_header_bytes = 40;

/// The largest IP packet inside an outer one of `path_mtu` bytes.
std::uint32_t inner_mtu(std::uint32_t path_mtu, net::Family family) noexcept {
  const std::uint32_t overhead =
      (family == net::Family::v4 ? ipv4_header_bytes : ipv6_header_bytes) + udp_header_bytes +
      header_bytes + ethernet_header_bytes;
  const std::uint32_t outer = std::min(path_mtu, 65535U);  // loopback claims one more
  return outer > overhead ? outer - overhead : 0;
}

/// Never 0, which means "none".
std::uint64_t stamp_of(TimePoint time) noexcept {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

}  // namespace

Session::Session(const Context& context, const OverlayLink& link, std::shared_ptr<Peer> peer,
                 std::shared_ptr<OverlayListener> listener)
    : context_(context),
      self_(link.local),
      remote_address_(link.remote_address.address),
      heartbeat_(link.heartbeat != 0ms ? Duration(link.heartbeat) : default_heartbeat),
      timeout_(link.timeout != 0ms ? Duration(link.timeout) : default_timeout),
      peer_(std::move(peer)),
      listener_(std::move(listener)) {}

void Session::confirm() {
  is_confirmed_ = true;
  confirmed_at_ = context_.loop.now();
  heartbeat_due_ = confirmed_at_;
  Bytes port(2);
  store_be(port.data(), context_.wire.port());
  listener_->send_control(listening_subtag, std::move(port));
  on_timer();
}

void Session::on_control(std::uint8_t subtag, ByteView body) {
  const auto port = body.size() == 2 ? load_be<std::uint16_t>(body.data()) : std::uint16_t{0};
  if (subtag != listening_subtag || port == 0 || remote_) {
    context_.counters.drop(Drop::bad_control);
    return;
  }
  remote_ = net::Endpoint{remote_address_, port};
  destination_ = context_.wire.destination(*remote_);
  if (is_confirmed_ && listener_) {
    heartbeat_due_ = context_.loop.now();
    on_timer();
  }
}

void Session::on_timer() {
  const TimePoint now = context_.loop.now();
  read_heartbeat(now);
  if (auto reason = defect(now)) {
    fail_with(*std::move(reason));
    return;
  }
  if (now >= heartbeat_due_) {
    heartbeat_due_ = now + (is_established_ ? heartbeat_ : std::min(heartbeat_, probe_interval));
    if (remote_) {
      send_heartbeat(now);
    }
  }
  publish();
  const TimePoint next = std::min(heartbeat_due_, deadline());
  timer_ = context_.loop.after(std::max(next - now, Duration{1ms}), [this] { on_timer(); });
}

void Session::send_heartbeat(TimePoint now) {
  if (const auto path_mtu = context_.wire.path_mtu(*remote_)) {
    mtu_.store(inner_mtu(*path_mtu, remote_->address.family), std::memory_order_relaxed);
  } else {
    context_.log.debug("path MTU unknown", "peer", peer_->name, "error", path_mtu.error());
  }
  std::array<std::byte, header_bytes + heartbeat_bytes> octets;
  write_header(octets.data(),
               {Kind::heartbeat, peer_->connection, self_, peer_->name, heartbeat_bytes});
  write_heartbeat(octets.data() + header_bytes, {stamp_of(now), peer_->last_heartbeat().stamp});
  context_.wire.send(destination_, octets);
}

/// Foreign: only a stamp that we can have sent on this connection counts.
void Session::read_heartbeat(TimePoint now) {
  const std::uint64_t echo = peer_->last_heartbeat().echo;
  if (!remote_ || echo < stamp_of(confirmed_at_) || echo > stamp_of(now)) {
    return;
  }
  const TimePoint sent{Duration(static_cast<Duration::rep>(echo))};
  proved_at_ = std::max(proved_at_, sent);
  if (!is_established_.exchange(true, std::memory_order_relaxed)) {
    context_.log.info("udp connection established", "peer", peer_->name, "address", *remote_);
    publish();
    listener_->on_established();
  }
}

std::optional<Error> Session::defect(TimePoint now) const {
  const auto error = [this](std::string what) {
    return Error{make_error_code(Errc::timeout),
                 fmt::format("{} peer {} over UDP", what, to_string(peer_->name))};
  };
  if (!is_established_) {
    return now - confirmed_at_ < establish_patience ? std::nullopt
                                                    : std::optional(error("get an answer from"));
  }
  if (now - peer_->last_heard() >= timeout_) {
    return error("hear");
  }
  // The echo of a stamp takes up to a heartbeat's interval on either side.
  if (now - proved_at_ >= timeout_ + 2 * heartbeat_) {
    return error("be heard by");
  }
  return std::nullopt;
}

TimePoint Session::deadline() const {
  return is_established_
             ? std::min(peer_->last_heard() + timeout_, proved_at_ + timeout_ + 2 * heartbeat_)
             : confirmed_at_ + establish_patience;
}

void Session::fail_with(Error reason) {
  const auto listener = listener_;
  stop();
  listener->on_failed(std::move(reason));
}

void Session::stop() noexcept {
  listener_.reset();
  timer_.cancel();
  is_established_ = false;
  publish();
}

void Session::publish() {
  const bool is_open = is_established_ && mtu_ != 0;
  const std::uint32_t max_frame = mtu_ + static_cast<std::uint32_t>(ethernet_header_bytes);
  const Path& old = *peer_->path.owner();
  if (old.is_open != is_open || (is_open && old.max_frame_bytes != max_frame)) {
    peer_->path.publish(std::make_shared<const Path>(Path{is_open, destination_, max_frame}));
  }
}

OverlayStatus Session::status() const {
  return {.overlay = "udp-overlay", .mtu = mtu_, .encrypted = false, .established = is_established_};
}

ConnectionStatus Session::describe() const {
  return {peer_->name, remote_ ? net::to_string(*remote_) : std::string(), mtu_, is_established_};
}

}  // namespace weft::udp_overlay
