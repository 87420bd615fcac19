/// HKDF over libsodium's HMAC.
#include "common/kdf/hkdf.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include <weft/result.hpp>

namespace weft {
namespace {

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

}  // namespace weft
