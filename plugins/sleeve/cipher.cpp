/// Chooses among ciphers and makes keys for them.
#include "cipher.hpp"

#include <weft/result.hpp>

namespace weft::sleeve {
namespace {

constexpr std::uint8_t bit(Cipher cipher) noexcept {
  return static_cast<std::uint8_t>(cipher);
}

constexpr std::uint8_t known_bits = bit(Cipher::chacha20_poly1305) | bit(Cipher::aes_256_gcm);

}  // namespace

std::string_view to_string(Cipher cipher) noexcept {
  return cipher == Cipher::aes_256_gcm ? "aes-256-gcm" : "chacha20-poly1305";
}

std::optional<CipherSet> CipherSet::from(std::uint8_t octet) noexcept {
  CipherSet set;
  set.bits_ = octet & known_bits;
  return set.has(Cipher::chacha20_poly1305) ? std::optional(set) : std::nullopt;
}

CipherSet CipherSet::with(Cipher cipher) const noexcept {
  CipherSet set = *this;
  set.bits_ |= bit(cipher);
  return set;
}

bool CipherSet::has(Cipher cipher) const noexcept {
  return (bits_ & bit(cipher)) != 0;
}

Cipher CipherSet::best_common(CipherSet other) const noexcept {
  const bool both = has(Cipher::aes_256_gcm) && other.has(Cipher::aes_256_gcm);
  return both ? Cipher::aes_256_gcm : Cipher::chacha20_poly1305;
}

Ciphers::Ciphers() : make_aes_gcm_(detect_aes_gcm()) {
  if (make_aes_gcm_) {
    usable_ = usable_.with(Cipher::aes_256_gcm);
  }
}

std::unique_ptr<const DatagramKey> Ciphers::make_key(Cipher cipher, const Secret& key) const {
  if (cipher == Cipher::chacha20_poly1305) {
    return make_chacha20_poly1305_key(key);
  }
  WEFT_CHECK(make_aes_gcm_ != nullptr, "ciphers are agreed on among the usable ones");
  return make_aes_gcm_(key);
}

}  // namespace weft::sleeve
