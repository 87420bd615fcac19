/// The state machine of a mesh connection.

#include "gossip/connection.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "gossip/wire/message.hpp"

namespace weft::gossip {
namespace {

/// With so much waiting, a heartbeat more tells the peer nothing.
constexpr std::size_t heartbeat_limit_bytes = 64U << 10U;

DropReason reason_of(const Error& error, DropReason otherwise) {
  return error.code == make_error_code(Errc::denied) ? DropReason::undecryptable : otherwise;
}

}  // namespace

Connection::Connection(Id id, std::unique_ptr<Stream> stream, Loop& loop,
                       Handshake::Settings settings, Turns& turns, ConnectionOwner& owner)
    : id_(id),
      is_outbound_(settings.outbound),
      stream_(std::move(stream)),
      loop_(loop),
      turns_(turns),
      owner_(owner),
      local_(stream_->local()),
      remote_(stream_->remote()),
      handshake_(std::move(settings)),
      last_sent_(loop.now()),
      progress_(loop.now()) {}

void Connection::start() {
  arm_deadline(header_deadline);
  stream_->start({[this](ByteView octets) { on_data(octets); },
                  [this](const Error& error) { drop(DropReason::remote_closed, error); },
                  [this] { on_drained(); }});
  stream_->write(handshake_.begin());
}

void Connection::begin(const Liveness& liveness) {
  heartbeat_ = liveness.heartbeat;
  detector_.emplace(liveness.dead_after, liveness.period, loop_.now());
  deadline_.cancel();
  drain_messages();
}

Result<> Connection::send(ByteView message) {
  if (is_dropped()) {
    return fail(Errc::closed, "send to a closed connection");
  }
  Bytes octets;
  WEFT_TRY(octets, session_->encode(message));
  sent_bytes_ += octets.size();
  stream_->write(std::move(octets));
  last_sent_ = loop_.now();
  return {};
}

std::size_t Connection::queued_bytes() const noexcept {
  return stream_ ? stream_->queued_bytes() : 0;
}

void Connection::hold(std::size_t bytes) {
  pending_bytes_ += bytes;
  if (!is_dropped() && !is_paused_ && pending_bytes_ > max_pending_bytes) {
    is_paused_ = true;
    stream_->pause();
  }
}

void Connection::release(std::size_t bytes) {
  pending_bytes_ -= bytes;
  if (is_dropped() || !is_paused_ || pending_bytes_ > max_pending_bytes) {
    return;
  }
  is_paused_ = false;
  detector_->heard();  // while we did not read, silence said nothing about the peer
  if (is_reading()) {
    stream_->resume();
  }
  drain_messages();
}

void Connection::tick() {
  if (is_dropped() || is_ending() || !detector_) {
    return;
  }
  const TimePoint now = loop_.now();
  if (is_reading() && detector_->is_dead(now)) {
    drop(DropReason::silent,
         Error{make_error_code(Errc::timeout),
               fmt::format("hear from the peer for {:.1f} s",
                           std::chrono::duration<double>(detector_->timeout()).count())});
  } else if (is_stalled(now)) {
    drop(DropReason::stalled,
         Error{make_error_code(Errc::timeout),
               fmt::format("send to the peer: {} bytes wait and it takes none", queued_bytes())});
  } else if (is_holding_up_others(now)) {
    drop(DropReason::stalled,
         Error{
             make_error_code(Errc::timeout),
             fmt::format("wait for the end of a message while others wait: {} bytes came in {} s",
                         received_.view().size(),
                         std::chrono::duration_cast<std::chrono::seconds>(turn_deadline).count())});
  } else if (now - last_sent_ >= heartbeat_) {
    probe();
  }
}

void Connection::probe() {
  if (queued_bytes() < heartbeat_limit_bytes) {
    (void)send(mesh::encode_message(mesh::Heartbeat{}));  // an octet is never too long
  }
}

bool Connection::is_stalled(TimePoint now) {
  const std::uint64_t taken = sent_bytes_ - std::min<std::uint64_t>(queued_bytes(), sent_bytes_);
  if (queued_bytes() == 0 || taken > taken_bytes_) {
    taken_bytes_ = taken;
    progress_ = now;
  }
  return now - progress_ >= stalled_after;
}

bool Connection::is_holding_up_others(TimePoint now) const {
  return turn_ && is_reading() && turns_.are_awaited() && now - turn_began_ >= turn_deadline;
}

void Connection::drop(DropReason reason, const Error& error) {
  if (is_dropped()) {
    return;
  }
  deadline_.cancel();
  stream_.reset();
  turn_.reset();
  if (const auto ending = std::exchange(ending_, std::nullopt)) {
    owner_.on_dropped(*this, ending->reason, ending->error);
  } else {
    owner_.on_dropped(*this, reason, error);
  }
}

void Connection::end(DropReason reason, const Error& error, ByteView last_message) {
  if (is_dropped() || is_ending()) {
    return;
  }
  if (!last_message.empty()) {
    (void)send(last_message);
  }
  ending_ = Ending{reason, error};
  arm_deadline(ending_deadline);
}

void Connection::on_drained() {
  if (!is_ending()) {
    owner_.on_drained(*this);
  }
}

void Connection::on_data(ByteView octets) {
  if (is_ending()) {
    return;
  }
  received_.append(octets);
  if (detector_) {
    detector_->heard();
    drain_messages();
  } else if (handshake_.stage() != Handshake::Stage::done) {
    advance_handshake();
  }
}

void Connection::advance_handshake() {
  const bool was_in_header = handshake_.stage() == Handshake::Stage::header;
  auto answer = handshake_.advance(received_);
  if (!answer) {
    const Error error = std::move(answer).error();
    const bool is_stranger = handshake_.stage() == Handshake::Stage::header &&
                             error.code == make_error_code(Errc::malformed);
    const bool has_keys = handshake_.stage() >= Handshake::Stage::features;
    if (is_stranger) {
      drop(DropReason::not_a_peer, error);
      return;
    }
    if (Bytes last = handshake_.take_last_words(); !last.empty()) {
      stream_->write(std::move(last));
    }
    end(has_keys ? reason_of(error, DropReason::handshake_refused) : DropReason::handshake_refused,
        error);
    return;
  }
  if (!answer->empty()) {
    stream_->write(*std::move(answer));
  }
  if (handshake_.stage() == Handshake::Stage::done) {
    Introduction introduction = handshake_.take();
    session_.emplace(std::move(introduction.session));
    proof_ = std::exchange(introduction.proof, std::nullopt);
    owner_.on_introduced(*this, introduction);
  } else if (was_in_header && handshake_.stage() != Handshake::Stage::header) {
    arm_deadline(introduction_deadline);
  }
}

void Connection::drain_messages() {
  if (std::exchange(is_draining_, true)) {
    return;  // a handler's answer came at once: the loop below goes on
  }
  while (!is_dropped() && !is_ending() && !is_paused_) {
    auto message = proof_ ? Result<std::optional<Bytes>>(std::exchange(proof_, std::nullopt))
                          : session_->next(received_);
    if (!message) {
      drop(reason_of(message.error(), DropReason::malformed), message.error());
    } else if (!*message) {
      break;
    } else {
      owner_.on_message(*this, **message);
    }
  }
  is_draining_ = false;
  settle_turn();
}

/// A turn lasts until the message was read, and worked on by others.
void Connection::settle_turn() {
  if (is_dropped()) {
    return;
  }
  const std::size_t waiting = received_.view().size();
  if (turn_ && std::max(waiting, pending_bytes_) <= long_bytes) {
    turn_.reset();
  } else if (!turn_ && waiting > long_bytes) {
    turn_.emplace(turns_, [this] {
      begin_turn();
      if (is_reading()) {
        stream_->resume();
      }
    });
    if (turn_->has_begun()) {
      begin_turn();
    } else {
      stream_->pause();
    }
  }
}

void Connection::begin_turn() {
  turn_began_ = loop_.now();
  detector_->heard();
  received_.reserve(mesh::max_message_bytes + long_bytes);
}

bool Connection::is_reading() const noexcept {
  return !is_paused_ && (!turn_ || turn_->has_begun());
}

void Connection::arm_deadline(Duration after) {
  deadline_ = loop_.after(after, [this] {
    drop(DropReason::handshake_timeout,
         Error{make_error_code(Errc::timeout), "introduce ourselves to the peer"});
  });
}

}  // namespace weft::gossip
