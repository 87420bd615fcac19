#pragma once
/// The first octets of a mesh connection, up to and without the feature map.
/// Source: weaveworks/mesh protocol.go, protoIntroParams.

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

#include "gossip/wire/crypto.hpp"
#include "gossip/wire/features.hpp"

namespace weft::mesh {

inline constexpr unsigned min_version = 1;
inline constexpr unsigned max_version = 2;
inline constexpr std::size_t header_bytes = 7;
inline constexpr std::size_t encryption_flag_bytes = 1;

/// "weave", lowest and highest version.
[[nodiscard]] Bytes encode_header(unsigned lowest = min_version, unsigned highest = max_version);

/// The version to speak, from the `header_bytes` octets of the peer.
/// Errors: Errc::malformed, not a mesh peer; Errc::unsupported, no common version.
[[nodiscard]] Result<unsigned> choose_version(ByteView header, unsigned our_lowest = min_version,
                                              unsigned our_highest = max_version);

/// Version 2, after the header: the encryption flag, and the public key when there is one.
[[nodiscard]] Bytes encode_encryption(const std::optional<Key>& public_key);

/// Whether the peer wants encryption, from its flag octet; it must be what we have configured.
/// Errors: Errc::malformed; Errc::denied when only one side has a password.
[[nodiscard]] Result<bool> parse_encryption_flag(std::byte flag, bool has_password);

/// Version 1: the feature map with the public key in it.
[[nodiscard]] Bytes encode_protocol1_features(const FeatureMap& features,
                                              const std::optional<Key>& public_key);
/// The peer's public key in a feature map of version 1, absent when it has none.
/// Errors: Errc::malformed for a key that is not hexadecimal; Errc::denied as above.
[[nodiscard]] Result<std::optional<Key>> protocol1_public_key(const FeatureMap& features,
                                                              bool has_password);

}  // namespace weft::mesh
