#pragma once
/// Control messages over TCP in which weft peers agree on fresh keys. Pure; foreign bytes are fine.
/// Octets: docs/protocol/sleeve-encryption.md.

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

#include "cipher.hpp"

namespace weft::sleeve {

/// Of X25519, fresh for every exchange.
using PublicKey = std::array<std::byte, 32>;

/// "Let us go on to `generation`."
struct KeyOffer {
  CipherSet ciphers;  ///< that the sender can use
  std::uint32_t generation = 0;
  PublicKey public_key{};

  bool operator==(const KeyOffer&) const = default;
};

/// "Agreed: I take datagrams of `generation`."
struct KeyAnswer {
  Cipher cipher = Cipher::chacha20_poly1305;  ///< the best that both can use
  std::uint32_t generation = 0;
  PublicKey public_key{};

  bool operator==(const KeyAnswer&) const = default;
};

/// "I take and send datagrams of `generation`."
struct KeysInUse {
  std::uint32_t generation = 0;

  bool operator==(const KeysInUse&) const = default;
};

[[nodiscard]] Bytes encode(const KeyOffer& offer);
[[nodiscard]] Bytes encode(const KeyAnswer& answer);
[[nodiscard]] Bytes encode(const KeysInUse& in_use);

/// Errors: Errc::malformed, naming the field.
[[nodiscard]] Result<KeyOffer> decode_key_offer(ByteView body);
[[nodiscard]] Result<KeyAnswer> decode_key_answer(ByteView body);
[[nodiscard]] Result<KeysInUse> decode_keys_in_use(ByteView body);

}  // namespace weft::sleeve
