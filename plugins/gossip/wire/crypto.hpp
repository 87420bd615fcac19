#pragma once
/// Session keys and boxes of the mesh's TCP connections, over libsodium.
/// Source: weaveworks/mesh protocol_crypto.go.

#include <array>
#include <cstdint>
#include <string_view>

#include <weft/bytes.hpp>
#include <weft/result.hpp>
#include <weft/service/overlay.hpp>

namespace weft::mesh {

using Key = std::array<std::byte, 32>;

/// A Curve25519 key pair, fresh for every connection.
struct KeyPair {
  Key private_key{};
  Key public_key{};

  /// The pair of 32 random octets, which the caller draws from its loop.
  [[nodiscard]] static KeyPair from_private(const Key& private_key);
};

/// SHA-256(NaCl box key || password): the same on both sides.
/// Errors: Errc::invalid for a public key that has no shared secret.
[[nodiscard]] Result<SessionKey> form_session_key(const Key& private_key, const Key& remote_public,
                                                  std::string_view password);

/// Octets that a box adds: the Poly1305 tag.
inline constexpr std::size_t box_overhead = 16;

/// One direction of an encrypted connection. The sequence number advances with every box and is
/// never sent, so one lost or foreign box ends the connection.
class BoxSequence {
 public:
  /// `sender_dialled`: whether the side that seals these boxes opened the TCP connection.
  BoxSequence(const SessionKey& key, bool sender_dialled);

  [[nodiscard]] Bytes seal(ByteView plain);
  /// Errors: Errc::denied, "Unable to decrypt TCP msg": a wrong password, or foreign octets.
  [[nodiscard]] Result<Bytes> open(ByteView box);

 private:
  [[nodiscard]] std::array<unsigned char, 24> next_nonce();

  SessionKey key_;
  bool sender_dialled_;
  std::uint64_t sequence_ = 0;
};

}  // namespace weft::mesh
