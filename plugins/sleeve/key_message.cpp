/// Three short messages of fixed length.
#include "key_message.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace weft::sleeve {
namespace {

constexpr std::size_t generation_bytes = 4;
constexpr std::size_t public_key_offset = 1 + generation_bytes;
constexpr std::size_t exchange_bytes = public_key_offset + sizeof(PublicKey);

Bytes encode_exchange(std::uint8_t ciphers, std::uint32_t generation, const PublicKey& key) {
  Bytes body(exchange_bytes);
  body[0] = static_cast<std::byte>(ciphers);
  store_be(body.data() + 1, generation);
  std::ranges::copy(key, body.begin() + public_key_offset);
  return body;
}

Result<> check_length(ByteView body, std::size_t wanted) {
  if (body.size() != wanted) {
    return fail(Errc::malformed,
                fmt::format("read a message about keys: {} octets, not {}", body.size(), wanted));
  }
  return {};
}

PublicKey public_key_of(ByteView body) {
  PublicKey key;
  std::ranges::copy(body.subspan(public_key_offset), key.begin());
  return key;
}

}  // namespace

Bytes encode(const KeyOffer& offer) {
  return encode_exchange(offer.ciphers.octet(), offer.generation, offer.public_key);
}

Bytes encode(const KeyAnswer& answer) {
  return encode_exchange(static_cast<std::uint8_t>(answer.cipher), answer.generation,
                         answer.public_key);
}

Bytes encode(const KeysInUse& in_use) {
  Bytes body(generation_bytes);
  store_be(body.data(), in_use.generation);
  return body;
}

Result<KeyOffer> decode_key_offer(ByteView body) {
  WEFT_TRY(check_length(body, exchange_bytes));
  const auto ciphers = CipherSet::from(std::to_integer<std::uint8_t>(body[0]));
  if (!ciphers) {
    return fail(Errc::malformed, "read an offer of keys: its ciphers lack chacha20-poly1305");
  }
  return KeyOffer{*ciphers, load_be<std::uint32_t>(body.data() + 1), public_key_of(body)};
}

Result<KeyAnswer> decode_key_answer(ByteView body) {
  WEFT_TRY(check_length(body, exchange_bytes));
  const auto cipher = static_cast<Cipher>(std::to_integer<std::uint8_t>(body[0]));
  if (cipher != Cipher::chacha20_poly1305 && cipher != Cipher::aes_256_gcm) {
    return fail(Errc::malformed, fmt::format("read an answer about keys: cipher {} is unknown",
                                             static_cast<unsigned>(cipher)));
  }
  return KeyAnswer{cipher, load_be<std::uint32_t>(body.data() + 1), public_key_of(body)};
}

Result<KeysInUse> decode_keys_in_use(ByteView body) {
  WEFT_TRY(check_length(body, generation_bytes));
  return KeysInUse{load_be<std::uint32_t>(body.data())};
}

}  // namespace weft::sleeve
