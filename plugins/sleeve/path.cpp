/// Contact, establishment, liveness and MTU search of one sleeve connection.
#include "path.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "datagram.hpp"

namespace weft::sleeve {
namespace {

using namespace std::chrono_literals;

// Source: weaveworks/weave router/sleeve.go, constants of the forwarder.
constexpr Duration fast_heartbeat = 500ms;
constexpr Duration slow_heartbeat = 10s;
constexpr Duration original_timeout = 60s;
constexpr Duration fragmentation_interval = 5min;
constexpr Duration first_mtu_test_wait = 10ms;  // doubles with each attempt
constexpr unsigned mtu_test_attempts = 8;       // 2.55 s in all

constexpr Duration fragmentation_wait = 5s;
constexpr unsigned fragmentation_attempts = 3;
constexpr Duration upward_probe_interval = 10min;
constexpr Duration retry_probe_interval = 10s;
/// The peer's heartbeats come from an address when one did within this many halves of an interval.
constexpr int heard_heartbeats = 5;

constexpr std::uint32_t minimum_mtu = MtuWatch::small_mtu;
/// Paths narrower than this are rarer than peers that were too busy to answer: ask again soon.
/// Source: router/sleeve.go takes 552 for granted.
constexpr std::uint32_t plausible_mtu = 552;
constexpr std::uint32_t initial_mtu = 65535;

}  // namespace

Path::Path(const PathConfig& config)
    : config_(config),
      remote_(config.remote),
      relocation_(config.random),
      heartbeat_interval_(is_weft_peer() ? Duration(config.heartbeat) : fast_heartbeat),
      silence_limit_(original_timeout),
      mtu_(initial_mtu),
      highest_good_(minimum_mtu),
      probe_interval_(upward_probe_interval) {}

std::uint32_t Path::overhead_bytes() const noexcept {
  const std::size_t ip_bytes = remote_ && !remote_->address.is_v4() ? 40 : 20;
  return static_cast<std::uint32_t>(ip_bytes + 8 + config_.packet_header_bytes +
                                    record_header_bytes + ethernet_header_bytes);
}

std::uint32_t Path::room_in(std::uint32_t packet_bytes) const noexcept {
  const std::uint32_t overhead = overhead_bytes();
  const auto largest = static_cast<std::uint32_t>(max_datagram_bytes - config_.packet_header_bytes -
                                                  record_header_bytes - ethernet_header_bytes);
  return std::clamp(packet_bytes > overhead ? packet_bytes - overhead : 0, minimum_mtu, largest);
}

std::uint32_t Path::max_payload() const noexcept {
  const auto inside_udp = static_cast<std::uint32_t>(config_.packet_header_bytes +
                                                     record_header_bytes + ethernet_header_bytes);
  return std::min(mtu_ + inside_udp, static_cast<std::uint32_t>(max_datagram_bytes));
}

Actions Path::confirm(TimePoint now) {
  Actions actions;
  if (is_confirmed_) {
    return actions;
  }
  is_confirmed_ = true;
  heartbeat_heard_ = now;
  silence_due_ = now + silence_limit_;
  if (remote_) {
    actions.emplace_back(action::RemoteChanged{});
    actions.emplace_back(action::QueryRoute{});
    beat(now, actions);
  }
  return actions;
}

void Path::beat(TimePoint now, Actions& actions) {
  actions.emplace_back(action::SendHeartbeat{});
  heartbeat_due_ = now + heartbeat_interval_;
}

Actions Path::on_heartbeat(const net::Endpoint& from, TimePoint now) {
  Actions actions;
  if (!is_confirmed_ || is_failed_) {
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
  actions.emplace_back(action::QueryRoute{});
  is_probe_wanted_ = is_established_;  // another path may have another MTU
  if (is_established_) {
    doubt_fragmentation(now, actions);
  }
}

void Path::accept_heartbeat(TimePoint now, Actions& actions) {
  remote_heard_ = now;
  if (!is_acknowledged_) {
    is_acknowledged_ = true;
    actions.emplace_back(action::SendControl{ControlTag::established, {}});
  }
  // The agreed timeout applies once both are up: until then the peer may still be confirming.
  if (is_weft_peer()) {
    silence_limit_ = config_.timeout;
  }
  heartbeat_heard_ = now;
  silence_due_ = now + silence_limit_;
}

void Path::probe_address(const net::Endpoint& from, TimePoint now, Actions& actions) {
  if (relocation_.begin(from, *remote_, {mtu_, candidate_, hint_}, now)) {
    tend_relocation(now, actions);
  }
}

void Path::tend_relocation(TimePoint now, Actions& actions) {
  const Duration interval = is_weft_peer() ? Duration(config_.heartbeat) : slow_heartbeat;
  const bool is_remote_heard =
      remote_heard_ && now - *remote_heard_ < interval * heard_heartbeats / 2;
  switch (relocation_.judge(is_remote_heard, now)) {
    case Relocation::Outcome::pending:
    case Relocation::Outcome::stayed:
      break;
    case Relocation::Outcome::refused:
      actions.emplace_back(action::MoveRefused{relocation_.candidate()});
      break;
    case Relocation::Outcome::followed:
      set_remote(relocation_.candidate(), now, actions);
      accept_heartbeat(now, actions);
      break;
  }
  for (const Relocation::Probe& probe : relocation_.probes(now)) {
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
  if (is_failed_ || !is_confirmed_) {
    return actions;
  }
  switch (static_cast<ControlTag>(subtag)) {
    case ControlTag::established:
      on_established(now, actions);
      return actions;
    case ControlTag::fragmentation_received:
      if (is_established_) {
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
        on_mtu_verified(mtu, now, actions);
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
  // An original that is told twice starts a second test timer. And nobody can have heard us before
  // we know where to send.
  if (is_established_ || !remote_) {
    return;
  }
  is_established_ = true;
  if (!is_weft_peer()) {
    heartbeat_interval_ = slow_heartbeat;
    if (heartbeat_due_) {
      heartbeat_due_ = now + heartbeat_interval_;
    }
  }
  actions.emplace_back(action::Established{});
  test_fragmentation(now, actions);
  is_probe_wanted_ = true;
  actions.emplace_back(action::QueryRoute{});
}

Actions Path::on_message_too_big() {
  Actions actions;
  if (remote_) {
    is_refused_ = true;
    actions.emplace_back(action::QueryRoute{});
  }
  return actions;
}

Actions Path::on_route(const overlay::RouteMtu& route, TimePoint now) {
  Actions actions;
  const std::uint32_t fits = room_in(route.limit);
  const bool is_probe = std::exchange(is_probe_wanted_, false);
  const bool is_refused = std::exchange(is_refused_, false);
  ceiling_ = fits;
  if (route.reported < route.limit) {
    hint_ = room_in(route.reported);
  }
  if (!is_established_) {
    mtu_ = fits;
    return actions;
  }
  if (is_searching() ? fits >= candidate_ : !is_probe && fits >= mtu_) {
    if (is_refused) {  // though the interface has room for it
      watch_.doubt(now);
    }
    return actions;
  }
  if (is_probe && has_verified_ && fits == highest_good_) {
    mtu_due_ = now + upward_probe_interval;
    return actions;
  }
  if (fits < highest_good_) {
    highest_good_ = minimum_mtu;
    has_verified_ = false;
  }
  lowest_bad_ = fits + 1;
  if (highest_good_ == fits) {
    continue_search(now, actions);
  } else {
    test_candidate(fits, now, actions);
  }
  return actions;
}

void Path::on_no_route(TimePoint now) {
  is_refused_ = false;
  if (!is_searching() && !is_failed_) {
    mtu_due_ = now + retry_probe_interval;
  }
}

Actions Path::on_too_big_report(std::uint32_t path_mtu, TimePoint now) {
  Actions actions;
  const std::uint32_t fits = room_in(path_mtu);
  const std::uint32_t in_doubt = is_searching() ? candidate_ : mtu_;
  if (!is_established_ || is_failed_ || fits >= in_doubt) {
    return actions;
  }
  hint_ = fits;
  if (!is_searching()) {
    watch_.doubt(now);
    watch_mtu(now, actions);
  }
  return actions;
}

/// While nothing is verified the candidate is the best guess; afterwards only what was answered
/// counts, so that probing upwards loses nothing but the probes.
void Path::test_candidate(std::uint32_t candidate, TimePoint now, Actions& actions) {
  candidate_ = candidate;
  tests_sent_ = 0;
  watch_.end();
  mtu_ = has_verified_ ? highest_good_ : candidate;
  test_again(now, actions);
}

void Path::test_again(TimePoint now, Actions& actions) {
  actions.emplace_back(action::SendMtuTest{candidate_});
  if (highest_good_ < hint_ && hint_ < candidate_) {
    actions.emplace_back(action::SendMtuTest{hint_});
  }
  mtu_due_ = now + first_mtu_test_wait * (1U << tests_sent_);
  ++tests_sent_;
}

/// An answer later than the test's patience still tells the truth about its size.
void Path::on_mtu_verified(std::uint32_t verified, TimePoint now, Actions& actions) {
  if (!is_established_ || verified > ceiling_ || verified < minimum_mtu) {
    return;
  }
  watch_.on_answer(verified, verified >= mtu_, now);
  const bool is_news = verified > highest_good_ || (verified == highest_good_ && !has_verified_);
  if (!is_news) {
    return;
  }
  highest_good_ = verified;
  has_verified_ = true;
  lowest_bad_ = std::max(lowest_bad_, verified + 1);
  if (!is_searching()) {
    mtu_ = verified;
    actions.emplace_back(action::MtuVerified{});
  } else if (verified >= candidate_ || lowest_bad_ == verified + 1) {
    continue_search(now, actions);
  } else {
    mtu_ = verified;  // less than the candidate, and no guess
  }
}

void Path::continue_search(TimePoint now, Actions& actions) {
  if (highest_good_ + 1 < lowest_bad_) {
    const bool is_end_near = has_verified_ && highest_good_ == hint_;
    test_candidate(is_end_near ? hint_ + 1 : (highest_good_ + lowest_bad_) / 2, now, actions);
    return;
  }
  candidate_ = 0;
  mtu_ = highest_good_;
  has_verified_ = true;  // or nothing was answered, and no guess is better than the minimum
  mtu_due_ = now + (mtu_ < plausible_mtu ? retry_probe_interval : probe_interval_);
  watch_.begin(now);
  actions.emplace_back(action::MtuVerified{});
}

/// The search after a path became narrower begins between what still passed and the MTU that was.
/// Nor does such a path carry the fragments that the kernel makes, which knows only the old one.
void Path::watch_mtu(TimePoint now, Actions& actions) {
  switch (watch_.on_timer(now)) {
    case MtuWatch::Wish::nothing:
      break;
    case MtuWatch::Wish::test_twice:
      actions.emplace_back(action::SendMtuTest{minimum_mtu});
      if (watch_.is_hasty() && minimum_mtu < hint_ && hint_ < mtu_) {
        actions.emplace_back(action::SendMtuTest{hint_});
      }
      [[fallthrough]];
    case MtuWatch::Wish::test:
      actions.emplace_back(action::SendMtuTest{mtu_});
      break;
    case MtuWatch::Wish::narrow:
      highest_good_ = std::max(watch_.passing(), minimum_mtu);
      has_verified_ = highest_good_ > minimum_mtu;
      lowest_bad_ = mtu_;
      probe_interval_ = retry_probe_interval;
      doubt_fragmentation(now, actions);
      continue_search(now, actions);
      break;
  }
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

void Path::check_silence(TimePoint now, TimePoint last_heard, Actions& actions) {
  // Originals send heartbeats whatever else they send, and only these prove both directions.
  const TimePoint heard =
      is_weft_peer() ? std::max(heartbeat_heard_, last_heard) : heartbeat_heard_;
  const bool was_asleep = now - *silence_due_ > heartbeat_interval_;
  if (heard + silence_limit_ > now) {
    silence_due_ = heard + silence_limit_;
  } else if (was_asleep) {
    silence_due_ = now + silence_limit_;  // this loop was stalled, so it cannot blame the peer
  } else {
    is_failed_ = true;
    silence_due_.reset();
    heartbeat_due_.reset();
    fragmentation_due_.reset();
    mtu_due_.reset();
    watch_.end();
    relocation_.end();
    actions.emplace_back(action::Fail{
        Error{make_error_code(Errc::timeout), "hear a sleeve heartbeat from the peer"}});
  }
}

Actions Path::on_timer(TimePoint now, TimePoint last_heard) {
  Actions actions;
  const auto is_due = [now](const std::optional<TimePoint>& due) { return due && *due <= now; };
  if (is_due(silence_due_)) {
    check_silence(now, last_heard, actions);
  }
  if (is_due(heartbeat_due_)) {
    beat(now, actions);
  }
  if (is_due(fragmentation_due_)) {
    test_fragmentation(now, actions);
  }
  if (is_due(mtu_due_)) {
    if (!is_searching()) {
      is_probe_wanted_ = true;
      probe_interval_ = std::min(2 * probe_interval_, Duration(upward_probe_interval));
      mtu_due_ = now + probe_interval_;
      actions.emplace_back(action::QueryRoute{});
    } else if (tests_sent_ < mtu_test_attempts) {
      test_again(now, actions);
    } else {
      lowest_bad_ = candidate_;
      continue_search(now, actions);
    }
  }
  watch_mtu(now, actions);
  if (relocation_.is_under_way()) {
    tend_relocation(now, actions);
  }
  return actions;
}

std::optional<TimePoint> Path::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& due : {silence_due_, heartbeat_due_, fragmentation_due_, mtu_due_, watch_.due(),
                          relocation_.due()}) {
    if (due && (!next || *due < *next)) {
      next = due;
    }
  }
  return next;
}

}  // namespace weft::sleeve
