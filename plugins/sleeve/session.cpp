/// Connects a Path and a KeyExchange to sockets, timers, lanes and the overlay's listener.
#include "session.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "datagram.hpp"

namespace weft::sleeve {
namespace {

PathConfig path_config(const OverlayLink& link, Loop& loop) {
  return {.connection_uid = link.connection_uid,
          .remote = link.outbound ? std::optional(link.remote_address) : std::nullopt,
          .packet_header_bytes = packet_header_bytes(link.session_key.has_value()),
          .heartbeat = link.heartbeat,
          .timeout = link.timeout,
          .random = [&loop] { return loop.random(); }};
}

/// Weave Net peers, which agree on no heartbeat, know nothing of fresh keys.
std::optional<KeyExchange> key_exchange(const Session::Context& context, const OverlayLink& link) {
  if (!link.session_key || link.heartbeat.count() == 0) {
    return std::nullopt;
  }
  return KeyExchange(
      {.is_dialler = link.outbound,
       .ciphers = context.ciphers.usable(),
       .context = {.dialler = link.outbound ? link.local : link.remote,
                   .acceptor = link.outbound ? link.remote : link.local,
                   .connection_uid = link.connection_uid},
       .session_key = *link.session_key,
       .random = [&loop = context.loop](std::span<std::byte> out) { loop.random_bytes(out); }});
}

OverlayLink without_key(OverlayLink link) {
  link.session_key.reset();
  return link;
}

/// Anybody can have a move refused: one line a minute says so.
constexpr Duration refusal_log_interval = std::chrono::minutes{1};

/// The socket's queue is full: the next heartbeat may do better.
bool is_transient(int error) noexcept {
  return error == EAGAIN || error == ENOBUFS || error == EINTR || error == ENOMEM;
}

}  // namespace

Session::Session(const Context& context, const OverlayLink& link, std::shared_ptr<Peer> peer,
                 std::shared_ptr<OverlayListener> listener)
    : context_(context),
      link_(without_key(link)),
      peer_(std::move(peer)),
      listener_(std::move(listener)),
      path_(path_config(link, context.loop)),
      keys_(key_exchange(context, link)) {}

OverlayStatus Session::status() const {
  return {.overlay = "sleeve",
          .mtu = mtu_.load(std::memory_order_relaxed),
          .encrypted = peer_->is_encrypted(),
          .established = is_established_.load(std::memory_order_relaxed)};
}

ConnectionStatus Session::describe() const {
  const char* const state = has_failed_              ? "failed"
                            : path_.is_established() ? "established"
                            : is_confirmed_          ? "connecting"
                                                     : "prepared";
  return {.remote = peer_->name,
          .address = path_.remote() ? net::to_string(*path_.remote()) : std::string(),
          .mtu = mtu_.load(std::memory_order_relaxed),
          .is_encrypted = peer_->is_encrypted(),
          .cipher = cipher(),
          .state = state,
          .frames_in = peer_->frames_in.value(),
          .frames_out = peer_->frames_out.value(),
          .bytes_in = peer_->bytes_in.value(),
          .bytes_out = peer_->bytes_out.value()};
}

std::string Session::cipher() const {
  if (!peer_->is_encrypted()) {
    return {};
  }
  const auto agreed = keys_ ? keys_->cipher() : std::nullopt;
  return std::string(agreed ? to_string(*agreed) : "xsalsa20-poly1305");
}

void Session::confirm() {
  is_confirmed_ = true;
  if (const auto confirmed = context_.confirmed(peer_); !confirmed) {
    run({action::Fail{confirmed.error()}});
    return;
  }
  run(path_.confirm(context_.loop.now()));
  if (keys_ && !is_over_) {
    run(keys_->begin(context_.loop.now()));
  }
}

void Session::on_control(std::uint8_t subtag, ByteView body) {
  if (is_over_) {
    return;
  }
  const TimePoint now = context_.loop.now();
  auto actions = keys_ && KeyExchange::is_about_keys(subtag) ? keys_->on_control(subtag, body, now)
                                                             : path_.on_control(subtag, body, now);
  if (!actions) {
    context_.counters.drop(Drop::bad_control);
    return;
  }
  run(*actions);
}

void Session::on_event(const LaneEvent& event) {
  if (is_over_) {
    return;
  }
  const TimePoint now = context_.loop.now();
  switch (event.kind) {
    case LaneEvent::Kind::heartbeat:
      if (!path_.is_ours(event.uid)) {
        context_.counters.drop(Drop::wrong_heartbeat);
        return;
      }
      if (event.from.address.family != link_.local_address.address.family) {
        context_.counters.drop(Drop::wrong_address);  // the peer's sockets cannot send there
        return;
      }
      run(path_.on_heartbeat(event.from, now));
      if (path_.remote() != event.from) {
        context_.counters.drop(Drop::unproven_address);
      }
      return;
    case LaneEvent::Kind::fragmentation_test:
      return run(path_.on_fragmentation_test());
    case LaneEvent::Kind::mtu_test:
      return run(path_.on_mtu_test(event.frame_bytes));
    case LaneEvent::Kind::message_too_big:
      return run(path_.on_message_too_big(context_.loop.now()));
  }
}

void Session::on_too_big_report(const overlay::TooBigReport& report) {
  if (!is_over_ && path_.remote() == report.destination) {
    run(path_.on_too_big_report(report.path_mtu, context_.loop.now()));
  }
}

void Session::end() noexcept {
  stop();
  context_.ended(*peer_);
}

void Session::stop() noexcept {
  is_over_ = true;
  timer_.cancel();
  listener_.reset();
  publish();
}

void Session::run(const Actions& actions) {
  for (const Action& action : actions) {
    if (!is_over_) {
      std::visit([this](const auto& wanted) { perform(wanted); }, action);
    }
  }
  if (!is_over_) {
    publish();
    arm();
  }
}

void Session::perform(const action::SendHeartbeat& /*send*/) {
  const int error = context_.sender.send_heartbeat(*peer_, destination_, link_.connection_uid);
  if (error != 0 && !is_transient(error) && error != EMSGSIZE) {
    // Weave Net gives up too: without a route or with a firewall's refusal, other paths are
    // found sooner by reconnecting than by waiting for the timeout.
    perform(action::Fail{Error{std::error_code(error, std::generic_category()),
                               "send a sleeve heartbeat to " + net::to_string(*path_.remote())}});
  }
}

void Session::perform(const action::SendFragmentationTest& /*send*/) {
  if (context_.sender.send_zeros(*peer_, destination_, DfClass::may_fragment,
                                 fragmentation_test_frame_bytes) != 0) {
    context_.counters.drop(Drop::send_failed);
  }
}

void Session::perform(const action::SendMtuTest& send) {
  const int error = context_.sender.send_zeros(*peer_, destination_, DfClass::dont_fragment,
                                               send.mtu + ethernet_header_bytes);
  if (error == EMSGSIZE) {
    run(path_.on_message_too_big(context_.loop.now()));
  } else if (error != 0) {
    context_.counters.drop(Drop::send_failed);
  }
}

void Session::perform(const action::SendAddressProbe& probe) {
  if (context_.sender.send_zeros(*peer_, destination_at(probe.to), DfClass::dont_fragment,
                                 probe.mtu + ethernet_header_bytes) != 0) {
    context_.counters.drop(Drop::send_failed);
  }
}

void Session::perform(const action::MoveRefused& refused) {
  const TimePoint now = context_.loop.now();
  if (!refusal_logged_ || now - *refusal_logged_ >= refusal_log_interval) {
    refusal_logged_ = now;
    context_.log.warn("heartbeats from an address that the peer does not answer at", "peer",
                      peer_->name, "from", refused.from, "address", *path_.remote());
  }
}

void Session::perform(const action::QueryRoute& /*query*/) {
  const auto route = overlay::query_route_mtu(path_.remote()->address, link_.local_address.address);
  if (!route) {
    context_.log.warn("route MTU unknown", "peer", peer_->name, "error", route.error());
    return path_.on_no_route(context_.loop.now());
  }
  run(path_.on_route(*route, context_.loop.now()));
}

void Session::perform(const action::SendControl& send) {
  listener_->send_control(static_cast<std::uint8_t>(send.tag), send.body);
}

void Session::perform(const action::Established& /*established*/) {
  is_established_.store(true, std::memory_order_relaxed);
  context_.log.info("sleeve connection established", "peer", peer_->name, "address",
                    *path_.remote(), "encrypted", peer_->is_encrypted());
  listener_->on_established();
}

void Session::perform(const action::RemoteChanged& /*changed*/) {
  const auto& before = peer_->path.owner()->remote;
  if (before) {
    context_.log.info("peer moved to another UDP address", "peer", peer_->name, "from", *before,
                      "to", *path_.remote());
  } else {
    context_.log.debug("peer reached at UDP address", "peer", peer_->name, "address",
                       *path_.remote());
  }
  destination_ = destination_at(*path_.remote());
  publish();
}

void Session::perform(const action::MtuVerified& /*verified*/) {
  context_.log.info("effective MTU verified", "peer", peer_->name, "mtu", path_.mtu());
}

void Session::perform(const action::AcceptKey& accept) {
  peer_->opener->accept(accept.generation, context_.ciphers.make_key(accept.cipher, accept.key),
                        first_number(accept.key));
  context_.changed(*peer_);
}

void Session::perform(const action::SealWithKey& seal) {
  peer_->sealer->use(seal.generation, context_.ciphers.make_key(seal.cipher, seal.key),
                     first_number(seal.key));
  context_.counters.rekeys.add();
  context_.log.debug("sleeve went on to fresh keys", "peer", peer_->name, "cipher",
                     to_string(seal.cipher), "generation", seal.generation);
}

void Session::perform(const action::ForgetOldKeys& /*forget*/) {
  peer_->opener->forget_old();
  context_.changed(*peer_);
}

void Session::perform(const action::Fail& failure) {
  const auto listener = listener_;
  has_failed_ = true;
  is_established_.store(false, std::memory_order_relaxed);
  stop();
  context_.ended(*peer_);
  listener->on_failed(failure.error);
}

void Session::publish() {
  const PathView& old = *peer_->path.owner();
  const auto remote = is_usable() ? path_.remote() : std::nullopt;
  mtu_.store(remote ? path_.mtu() : 0, std::memory_order_relaxed);
  const bool is_same = old.remote == remote && old.limits.mtu == path_.mtu() &&
                       old.limits.kernels_fragment == path_.kernels_fragment() &&
                       old.max_payload == path_.max_payload();
  if (!is_same) {
    peer_->path.publish(std::make_shared<const PathView>(PathView{
        remote, destination_, {path_.mtu(), path_.kernels_fragment()}, path_.max_payload()}));
    context_.changed(*peer_);
  }
}

void Session::arm() {
  timer_.cancel();
  auto due = path_.next_deadline();
  if (const auto other = keys_ ? keys_->next_deadline() : std::nullopt) {
    due = due ? std::min(*due, *other) : *other;
  }
  if (due) {
    timer_ = context_.loop.after(std::max(*due - context_.loop.now(), Duration{0}),
                                 [this] { on_timer(); });
  }
}

void Session::on_timer() {
  const TimePoint now = context_.loop.now();
  run(path_.on_timer(now, peer_->pulse.last_heard()));
  if (keys_ && !is_over_) {
    run(keys_->on_timer(now));
  }
}

}  // namespace weft::sleeve
