#pragma once
/// AES-256-GCM with the instructions that the processor has for it.
///
/// Over Intel's multi-buffer library where the build has it, else over libsodium: the first is up
/// to five times as fast. See docs/decisions/2026-11-26-aes-gcm-by-the-multi-buffer-library.md.

#include <functional>
#include <memory>

#include "datagram_key.hpp"

namespace weft::sleeve {

/// Makes keys of NIST SP 800-38D, with nonces of 96 bits and nothing authenticated besides.
using AesGcmKeyMaker = std::function<std::unique_ptr<const DatagramKey>(const Secret& key)>;

/// Looks at the processor. Empty without AES and carry-less multiplication in hardware: software
/// for it is slow, or tells keys by its timing.
[[nodiscard]] AesGcmKeyMaker detect_aes_gcm();

}  // namespace weft::sleeve
