/// Offers, answers and confirmations, and the ages of keys.
#include "key_exchange.hpp"

#include <fmt/format.h>

namespace weft::sleeve {
namespace {

KeyExchange::Config without_key(KeyExchange::Config config) {
  config.session_key = {};
  return config;
}

Error unexpected(const char* what, std::uint32_t generation) {
  return Error{make_error_code(Errc::malformed),
               fmt::format("use {} of keys for generation {}: it was not due", what, generation)};
}

}  // namespace

KeyExchange::KeyExchange(const Config& config)
    : config_(without_key(config)), chain_(config.session_key, config.context) {}

Actions KeyExchange::begin(TimePoint now) {
  Actions actions;
  if (config_.is_dialler) {
    offer(now, actions);
  }
  return actions;
}

bool KeyExchange::is_about_keys(std::uint8_t subtag) noexcept {
  return subtag >= static_cast<std::uint8_t>(ControlTag::key_offer) &&
         subtag <= static_cast<std::uint8_t>(ControlTag::keys_in_use);
}

void KeyExchange::offer(TimePoint now, Actions& actions) {
  Secret private_key;
  config_.random(private_key.octets);
  offered_ = KeyPair::from_private(private_key);
  offers_ = 0;
  send_offer(now, actions);
}

void KeyExchange::send_offer(TimePoint now, Actions& actions) {
  ++offers_;
  repeat_due_ = now + rekey_timeout;
  const KeyOffer offer{config_.ciphers, generation_ + 1, offered_->public_key};
  actions.emplace_back(action::SendControl{ControlTag::key_offer, encode(offer)});
}

void KeyExchange::send_answer(TimePoint now, Actions& actions) {
  repeat_due_ = now + rekey_timeout;
  actions.emplace_back(action::SendControl{ControlTag::key_answer, encode(answered_->answer)});
}

Result<Actions> KeyExchange::on_control(std::uint8_t subtag, ByteView body, TimePoint now) {
  switch (static_cast<ControlTag>(subtag)) {
    case ControlTag::key_offer: {
      KeyOffer offer;
      WEFT_TRY(offer, decode_key_offer(body));
      return on_offer(offer, now);
    }
    case ControlTag::key_answer: {
      KeyAnswer answer;
      WEFT_TRY(answer, decode_key_answer(body));
      return on_answer(answer, now);
    }
    default: {
      KeysInUse in_use;
      WEFT_TRY(in_use, decode_keys_in_use(body));
      return on_in_use(in_use, now);
    }
  }
}

Result<Actions> KeyExchange::on_offer(const KeyOffer& offer, TimePoint now) {
  Actions actions;
  if (answered_ && answered_->offer == offer) {
    send_answer(now, actions);
    return actions;
  }
  if (!answered_ && offer.generation == generation_) {
    return actions;  // a copy that came late: its answer was confirmed
  }
  const std::uint32_t newest = answered_ ? answered_->answer.generation : generation_;
  if (config_.is_dialler || offer.generation != newest + 1) {
    return tl::unexpected(unexpected("an offer", offer.generation));
  }
  Secret private_key;
  config_.random(private_key.octets);
  const KeyPair own = KeyPair::from_private(private_key);
  const KeyAnswer answer{config_.ciphers.best_common(offer.ciphers), offer.generation,
                         own.public_key};
  TrafficKeys keys;
  WEFT_TRY(keys,
           chain_.advance({answer.generation, answer.cipher, offer.public_key, own.public_key}, own,
                          offer.public_key));
  if (answered_) {
    confirmed(now, actions);  // or the dialler would not have gone further
  }
  answered_ = Answered{offer, answer, keys.from_acceptor, now};
  forget_due_.reset();  // the generation before is the one in use until this is confirmed
  if (!reject_due_) {
    reject_due_ = now + overlap_time;
  }
  actions.emplace_back(action::AcceptKey{answer.generation, answer.cipher, keys.from_dialler});
  send_answer(now, actions);
  return actions;
}

Result<Actions> KeyExchange::on_answer(const KeyAnswer& answer, TimePoint now) {
  Actions actions;
  const Bytes in_use = encode(KeysInUse{answer.generation});
  if (config_.is_dialler && answer.generation == generation_ && generation_ != 0) {
    actions.emplace_back(action::SendControl{ControlTag::keys_in_use, in_use});
    return actions;
  }
  if (!offered_ || answer.generation != generation_ + 1 || !config_.ciphers.has(answer.cipher)) {
    return tl::unexpected(unexpected("an answer", answer.generation));
  }
  TrafficKeys keys;
  WEFT_TRY(keys, chain_.advance(
                     {answer.generation, answer.cipher, offered_->public_key, answer.public_key},
                     *offered_, answer.public_key));
  offered_.reset();
  actions.emplace_back(action::AcceptKey{answer.generation, answer.cipher, keys.from_acceptor});
  go_on(answer.generation, answer.cipher, keys.from_dialler, now, actions);
  rekey_due_ = now + rekey_after_time;
  forget_due_ = now + overlap_time;
  actions.emplace_back(action::SendControl{ControlTag::keys_in_use, in_use});
  return actions;
}

Result<Actions> KeyExchange::on_in_use(const KeysInUse& in_use, TimePoint now) {
  Actions actions;
  if (answered_ && in_use.generation == answered_->answer.generation) {
    confirmed(now, actions);
    return actions;
  }
  if (config_.is_dialler || in_use.generation != generation_ || generation_ == 0) {
    return tl::unexpected(unexpected("a confirmation", in_use.generation));
  }
  return actions;  // a copy
}

void KeyExchange::confirmed(TimePoint now, Actions& actions) {
  const Answered done = *std::exchange(answered_, std::nullopt);
  go_on(done.answer.generation, done.answer.cipher, done.from_acceptor, done.made, actions);
  forget_due_ = now + overlap_time;
}

void KeyExchange::go_on(std::uint32_t generation, Cipher cipher, const Secret& key, TimePoint made,
                        Actions& actions) {
  generation_ = generation;
  cipher_ = cipher;
  repeat_due_.reset();
  reject_due_ = made + reject_after_time;
  actions.emplace_back(action::SealWithKey{generation, cipher, key});
}

Actions KeyExchange::on_timer(TimePoint now) {
  Actions actions;
  const auto take = [now](std::optional<TimePoint>& due) {
    const bool is_due = due && *due <= now;
    if (is_due) {
      due.reset();
    }
    return is_due;
  };
  if (take(reject_due_)) {
    rekey_due_.reset();
    repeat_due_.reset();
    forget_due_.reset();
    const auto limit = std::chrono::duration_cast<std::chrono::seconds>(reject_after_time);
    actions.emplace_back(action::Fail{
        Error{make_error_code(Errc::timeout),
              fmt::format("agree with the peer on fresh keys within {} s", limit.count())}});
    return actions;
  }
  if (take(rekey_due_)) {
    offer(now, actions);
  }
  if (take(repeat_due_)) {
    if (answered_) {
      send_answer(now, actions);
    } else if (generation_ != 0 || offers_ < first_offers) {
      send_offer(now, actions);
    }
  }
  if (take(forget_due_)) {
    actions.emplace_back(action::ForgetOldKeys{});
  }
  return actions;
}

std::optional<TimePoint> KeyExchange::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& due : {rekey_due_, repeat_due_, forget_due_, reject_due_}) {
    if (due && (!next || *due < *next)) {
      next = due;
    }
  }
  return next;
}

}  // namespace weft::sleeve
