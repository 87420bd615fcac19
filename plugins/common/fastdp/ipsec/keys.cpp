/// Derives keys with HKDF, and encodes the announcement of an association.

#include "keys.hpp"

#include <sodium.h>

#include <algorithm>

#include <fmt/core.h>

#include "common/kdf/hkdf.hpp"

namespace weft::ipsec {
namespace {

constexpr std::size_t spi_offset = sizeof(Nonce);
constexpr std::uint32_t lowest_spi = 0x100;

}  // namespace

SaKey::~SaKey() {
  sodium_memzero(octets.data(), octets.size());
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
