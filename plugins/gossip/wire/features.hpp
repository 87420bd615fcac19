#pragma once
/// The feature map that both sides send when they meet.
/// Source: weaveworks/mesh connection.go, makeFeatures and parseFeatures.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "common/gob/decoder.hpp"

namespace weft::mesh {

/// As on the wire: any keys, any order.
using FeatureMap = std::map<std::string, std::string>;

/// What weft peers tell each other besides; Weave Net ignores it.
struct WeftFeatures {
  std::chrono::milliseconds heartbeat{0};   ///< how often this side sends something
  std::chrono::milliseconds dead_after{0};  ///< of silence, this side gives the connection up
};

struct Features {
  PeerName name{};
  std::string nickname;
  std::uint64_t uid = 0;
  std::uint64_t connection_id = 0;
  std::optional<std::uint16_t> short_id;  ///< 12 bits
  bool is_trusted = false;                ///< "your address lies in one of my trusted subnets"
  std::optional<std::vector<std::string>> overlays;  ///< absent from peers of protocol 1
  std::optional<WeftFeatures> weft;                  ///< absent from Weave Net peers
};

/// The keys that protocol 1 sends and heeds, besides PublicKey.
[[nodiscard]] FeatureMap protocol1_subset(const FeatureMap& features);

[[nodiscard]] FeatureMap to_map(const Features& features);
/// Errors: Errc::invalid, naming the field.
[[nodiscard]] Result<Features> parse_features(const FeatureMap& map);

/// A gob stream that holds the map alone.
[[nodiscard]] Bytes encode_map(const FeatureMap& map);
/// Decodes one map value; for protocol 1, whose stream goes on after it.
[[nodiscard]] Result<FeatureMap> read_map(gob::ValueReader& value);
/// Decodes a stream that holds a map. Errors: Errc::malformed.
[[nodiscard]] Result<FeatureMap> decode_map(ByteView stream);

}  // namespace weft::mesh
