/// Sets up, renews and removes the encryption of one connection.

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "ipsec.hpp"
#include "keys.hpp"

namespace weft::ipsec {
namespace {

constexpr std::chrono::seconds retirement_check{1};

}  // namespace

Ipsec::Link::Link(Ipsec& owner, const OverlayLink& connection, std::uint16_t tunnel_port)
    : owner_(owner),
      self_(connection.local),
      peer_(connection.remote),
      local_(connection.local_address.address),
      remote_(connection.remote_address.address),
      port_(tunnel_port),
      session_key_(*connection.session_key) {
  owner_.links_.push_back(this);
}

Ipsec::Link::~Link() {
  std::erase(owner_.links_, this);
  if (!owner_.is_kept_) {
    remove_all();
  }
  sodium_memzero(session_key_.data(), session_key_.size());
}

void Ipsec::Link::remove_all() noexcept {
  if (outbound_) {
    // A newer link may have put its own association into the policy.
    if (const auto demanded = owner_.xfrm_.policy(outbound_direction());
        demanded && *demanded == outbound_) {
      const Link* const heir = owner_.sender(outbound_direction(), this);
      static_cast<void>(heir != nullptr ? owner_.xfrm_.set_policy(*heir->outbound_)
                                        : owner_.xfrm_.remove_policy(outbound_direction()));
    }
    static_cast<void>(owner_.xfrm_.remove(*outbound_));
  }
  if (inbound_) {
    static_cast<void>(owner_.xfrm_.remove(*inbound_));
  }
  remove_retired();
  // Last: until here packets pass encrypted or not at all.
  static_cast<void>(owner_.firewall_.release(tunnel()));
}

Result<Bytes> Ipsec::Link::expect() {
  SaOffer offer;
  owner_.loop_.random_bytes(offer.nonce);
  WEFT_TRY(offer.spi, owner_.xfrm_.allocate_spi(inbound_direction()));
  const Association fresh{inbound_direction(), offer.spi};
  if (auto made = owner_.xfrm_.set_inbound(fresh, derive_key(session_key_, offer.nonce, self_));
      !made) {
    static_cast<void>(owner_.xfrm_.remove(fresh));
    return tl::unexpected(std::move(made).error());
  }

  const auto left = owner_.leftovers_.take(inbound_direction());
  retired_.insert(retired_.end(), left.begin(), left.end());
  if (const auto old = std::exchange(inbound_, fresh)) {
    retired_.push_back(*old);
  }
  if (!retired_.empty()) {
    retire_until_ = owner_.loop_.now() + rekey_patience;
    retiring_ = owner_.loop_.every(retirement_check, [this] { retire(); });
  }
  replace_leftovers();
  return encode(offer);
}

Result<> Ipsec::Link::accept(ByteView body) {
  SaOffer offer;
  WEFT_TRY(offer, decode_offer(body));
  const Association fresh{outbound_direction(), offer.spi};
  if (outbound_ == fresh) {
    return {};
  }
  WEFT_TRY(owner_.xfrm_.add_outbound(fresh, derive_key(session_key_, offer.nonce, peer_)));
  if (auto demanded = owner_.xfrm_.set_policy(fresh); !demanded) {
    static_cast<void>(owner_.xfrm_.remove(fresh));
    return demanded;
  }
  if (const auto old = std::exchange(outbound_, fresh)) {
    static_cast<void>(owner_.xfrm_.remove(*old));
  }
  replace_leftovers();
  return {};
}

void Ipsec::Link::replace_leftovers() {
  if (is_ready()) {
    owner_.leftovers_.remove(owner_.xfrm_, owner_.firewall_, tunnel());
  }
}

void Ipsec::Link::retire() {
  const auto used = owner_.xfrm_.is_used(*inbound_);
  if ((used && *used) || owner_.loop_.now() >= retire_until_) {
    remove_retired();
    retiring_.cancel();
  }
}

void Ipsec::Link::remove_retired() noexcept {
  for (const Association& old : std::exchange(retired_, {})) {
    static_cast<void>(owner_.xfrm_.remove(old));
  }
}

}  // namespace weft::ipsec
