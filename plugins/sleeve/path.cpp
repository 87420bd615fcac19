/// Contact, establishment, liveness and MTU search of one sleeve connection.
#include "path.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "datagram.hpp"

namespace weft::sleeve {
namespace {

using namespace std::chrono_literals;

// Source: weaveworks/weave router/sleeve.go, constants of the forwarder.
constexpr overlay::Pace originals_pace{
    .probing = 500ms, .heartbeat = 10s, .patience = 60s, .timeout = 60s};
constexpr Duration fragmentation_interval = 5min;

constexpr Duration fragmentation_wait = 5s;
constexpr unsigned fragmentation_attempts = 3;
/// The peer's heartbeats come from an address when one did within this many halves of an interval.
constexpr int heard_heartbeats = 5;

}  // namespace

Path::Path(const PathConfig& config)
    : config_(config),
      remote_(config.remote),
      relocation_(config.random),
      liveness_(overlay::agreed_pace(config.heartbeat, config.timeout, originals_pace)) {}

std::uint32_t Path::overhead_bytes() const noexcept {
  const std::size_t ip_bytes = remote_ && !remote_->address.is_v4() ? 40 : 20;
  return static_cast<std::uint32_t>(ip_bytes + 8 + config_.packet_header_bytes +
                                    record_header_bytes + ethernet_header_bytes);
}

std::uint32_t Path::room_in(std::uint32_t packet_bytes) const noexcept {
  const std::uint32_t overhead = overhead_bytes();
  const auto largest = static_cast<std::uint32_t>(max_datagram_bytes - config_.packet_header_bytes -
                                                  record_header_bytes - ethernet_header_bytes);
  return std::clamp(packet_bytes > overhead ? packet_bytes - overhead : 0,
                    overlay::ProbedMtu::minimum, largest);
}

std::uint32_t Path::max_payload() const noexcept {
  const auto inside_udp = static_cast<std::uint32_t>(config_.packet_header_bytes +
                                                     record_header_bytes + ethernet_header_bytes);
  return std::min(mtu() + inside_udp, static_cast<std::uint32_t>(max_datagram_bytes));
}

Actions Path::confirm(TimePoint now) {
  Actions actions;
  if (liveness_.is_begun()) {
    return actions;
  }
  liveness_.begin(now);
  if (remote_) {
    set_remote(*remote_, now, actions);
    beat(now, actions);
  }
  return actions;
}

void Path::beat(TimePoint now, Actions& actions) {
  actions.emplace_back(action::SendHeartbeat{});
  liveness_.beat(now + liveness_.interval());
}

Actions Path::on_heartbeat(const net::Endpoint& from, TimePoint now) {
  Actions actions;
  if (!liveness_.is_begun() || is_failed_) {
    return actions;
  }
  if (remote_ && remote_ != from) {
    probe_address(from, now, actions);
    return actions;
  }
  if (!remote_) {
    set_remote(from, now, actions);
    beat(now, actions);
  }
  accept_heartbeat(now, actions);
  return actions;
}

void Path::set_remote(const net::Endpoint& remote, TimePoint now, Actions& actions) {
  remote_ = remote;
  actions.emplace_back(action::RemoteChanged{});
  follow(search_.on_moved(), now, actions);
  if (is_established()) {
    doubt_fragmentation(now, actions);
  }
}

void Path::accept_heartbeat(TimePoint now, Actions& actions) {
  remote_heard_ = now;
  if (liveness_.heard(now)) {
    actions.emplace_back(action::SendControl{ControlTag::established, {}});
  }
}

void Path::probe_address(const net::Endpoint& from, TimePoint now, Actions& actions) {
  if (relocation_.begin(from, *remote_, search_.sizes(), now)) {
    tend_relocation(now, actions);
  }
}

void Path::tend_relocation(TimePoint now, Actions& actions) {
  const bool is_remote_heard =
      remote_heard_ && now - *remote_heard_ < liveness_.pace().heartbeat * heard_heartbeats / 2;
  switch (relocation_.judge(is_remote_heard, now)) {
    case overlay::Relocation::Outcome::pending:
    case overlay::Relocation::Outcome::stayed:
      break;
    case overlay::Relocation::Outcome::refused:
      actions.emplace_back(action::MoveRefused{relocation_.candidate()});
      break;
    case overlay::Relocation::Outcome::followed:
      set_remote(relocation_.candidate(), now, actions);
      accept_heartbeat(now, actions);
      break;
  }
  for (const overlay::Relocation::Probe& probe : relocation_.probes(now)) {
    actions.emplace_back(action::SendAddressProbe{probe.to, probe.mtu});
  }
}

Actions Path::on_fragmentation_test() {
  Actions actions;
  actions.emplace_back(action::SendControl{ControlTag::fragmentation_received, {}});
  return actions;
}

Actions Path::on_mtu_test(std::size_t frame_bytes) {
  Bytes body(2);
  store_be(body.data(), static_cast<std::uint16_t>(frame_bytes - ethernet_header_bytes));
  Actions actions;
  actions.emplace_back(action::SendControl{ControlTag::mtu_verified, std::move(body)});
  return actions;
}

Result<Actions> Path::on_control(std::uint8_t subtag, ByteView body, TimePoint now) {
  Actions actions;
  if (is_failed_ || !liveness_.is_begun()) {
    return actions;
  }
  switch (static_cast<ControlTag>(subtag)) {
    case ControlTag::established:
      on_established(now, actions);
      return actions;
    case ControlTag::fragmentation_received:
      if (is_established()) {
        kernels_fragment_ = true;
        fragmentation_tests_ = 0;
        fragmentation_due_ = now + fragmentation_interval;
      }
      return actions;
    case ControlTag::mtu_verified:
      if (body.size() < 2) {
        return fail(Errc::malformed, "read an MTU acknowledgement without an MTU");
      }
      if (const std::uint32_t mtu = load_be<std::uint16_t>(body.data());
          relocation_.on_answer(mtu, now)) {
        tend_relocation(now, actions);
      } else {
        follow(search_.on_answer(mtu, now), now, actions);
      }
      return actions;
    case ControlTag::key_offer:
    case ControlTag::key_answer:
    case ControlTag::keys_in_use:
      break;  // only weft peers on encrypted connections send these, and KeyExchange takes them
  }
  return fail(Errc::malformed, fmt::format("read a sleeve control message of type {}", subtag));
}

void Path::on_established(TimePoint now, Actions& actions) {
  // A Weave Net peer that is told twice starts a second test timer. And nobody can have heard us
  // before we know where to send.
  if (!remote_ || !liveness_.answered(now)) {
    return;
  }
  actions.emplace_back(action::Established{});
  test_fragmentation(now, actions);
  follow(search_.begin(), now, actions);
}

/// A path that became narrower does not carry the fragments that the kernel makes either, which
/// knows only the old one.
void Path::follow(const overlay::ProbedMtu::Wishes& wishes, TimePoint now, Actions& actions) {
  if (wishes.is_narrower) {
    doubt_fragmentation(now, actions);
  }
  for (const std::uint32_t mtu : wishes.tests) {
    actions.emplace_back(action::SendMtuTest{mtu});
  }
  if (wishes.is_verified) {
    actions.emplace_back(action::MtuVerified{});
  }
  if (wishes.query_route) {
    actions.emplace_back(action::QueryRoute{});
  }
}

Actions Path::on_message_too_big(TimePoint now) {
  Actions actions;
  if (remote_) {
    follow(search_.on_refused(), now, actions);
  }
  return actions;
}

Actions Path::on_route(const overlay::RouteMtu& route, TimePoint now) {
  Actions actions;
  follow(search_.on_route(room_in(route.limit), room_in(route.reported), now), now, actions);
  return actions;
}

Actions Path::on_too_big_report(std::uint32_t path_mtu, TimePoint now) {
  Actions actions;
  follow(search_.on_report(room_in(path_mtu), now), now, actions);
  return actions;
}

void Path::test_fragmentation(TimePoint now, Actions& actions) {
  if (fragmentation_tests_ == fragmentation_attempts) {
    kernels_fragment_ = false;
    fragmentation_tests_ = 0;
    fragmentation_due_ = now + fragmentation_interval;
    return;
  }
  ++fragmentation_tests_;
  fragmentation_due_ = now + fragmentation_wait;
  actions.emplace_back(action::SendFragmentationTest{});
}

/// Off until a test is answered.
void Path::doubt_fragmentation(TimePoint now, Actions& actions) {
  kernels_fragment_ = false;
  fragmentation_tests_ = 0;
  test_fragmentation(now, actions);
}

void Path::give_up(Actions& actions) {
  is_failed_ = true;
  liveness_.end();
  fragmentation_due_.reset();
  search_.end();
  relocation_.end();
  actions.emplace_back(
      action::Fail{Error{make_error_code(Errc::timeout), "hear a sleeve heartbeat from the peer"}});
}

Actions Path::on_timer(TimePoint now, TimePoint last_heard) {
  Actions actions;
  // Weave Net peers send heartbeats whatever else they send, and only these prove both directions.
  if (is_weft_peer() && liveness_.was_heard()) {
    liveness_.heard(last_heard);
  }
  const overlay::Liveness::Due due = liveness_.on_timer(now);
  if (due.silence) {
    give_up(actions);
    return actions;
  }
  if (due.heartbeat) {
    actions.emplace_back(action::SendHeartbeat{});
  }
  if (fragmentation_due_ && *fragmentation_due_ <= now) {
    test_fragmentation(now, actions);
  }
  follow(search_.on_timer(now), now, actions);
  if (relocation_.is_under_way()) {
    tend_relocation(now, actions);
  }
  return actions;
}

std::optional<TimePoint> Path::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& due : {liveness_.next_deadline(), fragmentation_due_, search_.next_deadline(),
                          relocation_.due()}) {
    if (due && (!next || *due < *next)) {
      next = due;
    }
  }
  return next;
}

}  // namespace weft::sleeve
