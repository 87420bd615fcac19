#pragma once
/// HKDF with SHA-256, which makes independent keys of one secret.

#include <cstddef>
#include <span>

#include <weft/bytes.hpp>

namespace weft {

/// Fills `out`, at most 255 * 32 octets. Source: RFC 5869 sections 2.2 and 2.3, with SHA-256.
void hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::span<std::byte> out);

}  // namespace weft
