#pragma once
/// Keys of security associations, and the message in which a receiver announces one.

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/bytes.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>
#include <weft/service/overlay.hpp>

namespace weft::ipsec {

/// Chosen afresh by the receiver for each security association.
using Nonce = std::array<std::byte, 32>;

/// What rfc4106(gcm(aes)) takes as its key: an AES-256 key followed by a salt of four octets.
/// A value; forgotten when destroyed.
struct SaKey {
  std::array<std::byte, 36> octets{};

  SaKey() = default;
  SaKey(const SaKey&) = default;
  SaKey& operator=(const SaKey&) = default;
  ~SaKey();
};

/// The key of the association towards `receiver`. Source: weaveworks/weave net/ipsec/ipsec.go,
/// deriveKey.
[[nodiscard]] SaKey derive_key(const SessionKey& session, const Nonce& nonce, PeerName receiver);

/// A receiver's announcement of one inbound association: the body of the overlay's control message
/// CryptoInitSARemote.
struct SaOffer {
  /// Nonce, SPI and 28 zero octets. The zeros carry nothing, but Weave Net refuses any other
  /// length. Source: weaveworks/weave net/ipsec/ipsec.go, msgInitSARemote.
  static constexpr std::size_t wire_bytes = 64;

  Nonce nonce{};
  std::uint32_t spi = 0;  ///< in host order

  bool operator==(const SaOffer&) const = default;
};

[[nodiscard]] Bytes encode(const SaOffer& offer);

/// Errors: Errc::malformed for another length, or an SPI below 256, which no kernel allocates
/// (RFC 4303 section 2.1).
[[nodiscard]] Result<SaOffer> decode_offer(ByteView body);

}  // namespace weft::ipsec
