/// Derives keys with HKDF over libsodium's HMAC, and encodes the announcement of an association.

#include "keys.hpp"

#include <sodium.h>

#include <algorithm>

#include <fmt/core.h>

namespace weft::ipsec {
namespace {

constexpr std::size_t spi_offset = sizeof(Nonce);
constexpr std::uint32_t lowest_spi = 0x100;

using Hash = std::array<std::byte, crypto_auth_hmacsha256_BYTES>;

/// Never null: libsodium wants the address also of nothing.
const unsigned char* raw(ByteView octets) {
  static constexpr unsigned char nothing = 0;
  return octets.empty() ? &nothing : reinterpret_cast<const unsigned char*>(octets.data());
}

/// Of the concatenation of `parts`.
Hash hmac(ByteView key, std::initializer_list<ByteView> parts) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, raw(key), key.size());
  for (const ByteView part : parts) {
    crypto_auth_hmacsha256_update(&state, raw(part), part.size());
  }
  Hash hash;
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(hash.data()));
  sodium_memzero(&state, sizeof state);
  return hash;
}

}  // namespace

SaKey::~SaKey() {
  sodium_memzero(octets.data(), octets.size());
}

void hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::span<std::byte> out) {
  WEFT_CHECK(out.size() <= 255 * sizeof(Hash), "HKDF gives at most 255 blocks");
  Hash extracted = hmac(salt, {input_key});
  Hash block{};
  for (std::byte counter{1}; !out.empty(); counter = std::byte(std::to_integer<int>(counter) + 1)) {
    const ByteView previous = counter == std::byte{1} ? ByteView{} : ByteView{block};
    block = hmac(extracted, {previous, info, ByteView{&counter, 1}});
    const std::size_t count = std::min(out.size(), block.size());
    std::copy_n(block.begin(), count, out.begin());
    out = out.subspan(count);
  }
  sodium_memzero(extracted.data(), extracted.size());
  sodium_memzero(block.data(), block.size());
}

SaKey derive_key(const SessionKey& session, const Nonce& nonce, PeerName receiver) {
  std::array<std::byte, 8> info{};
  store_be(info.data(), static_cast<std::uint64_t>(receiver));
  SaKey key;
  hkdf_sha256(session, nonce, info, key.octets);
  return key;
}

Bytes encode(const SaOffer& offer) {
  Bytes body(SaOffer::wire_bytes);
  std::ranges::copy(offer.nonce, body.begin());
  store_be(body.data() + spi_offset, offer.spi);
  return body;
}

Result<SaOffer> decode_offer(ByteView body) {
  if (body.size() != SaOffer::wire_bytes) {
    return fail(Errc::malformed,
                fmt::format("read a peer's offer of a security association: {} octets, not {}",
                            body.size(), SaOffer::wire_bytes));
  }
  SaOffer offer;
  std::ranges::copy(body.first(sizeof(Nonce)), offer.nonce.begin());
  offer.spi = load_be<std::uint32_t>(body.data() + spi_offset);
  if (offer.spi < lowest_spi) {
    return fail(Errc::malformed,
                fmt::format("read a peer's offer of a security association: SPI {:#x} is reserved",
                            offer.spi));
  }
  return offer;
}

}  // namespace weft::ipsec
