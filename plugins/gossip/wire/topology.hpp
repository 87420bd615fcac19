#pragma once
/// The payload of the "topology" gossip channel: peers and their connections.
/// Source: weaveworks/mesh peers.go, encodePeers and decodeUpdate.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/events/topology.hpp>
#include <weft/result.hpp>

namespace weft::mesh {

inline constexpr const char* topology_channel = "topology";

/// Descriptors are sent even when there are no peers to describe.
[[nodiscard]] Bytes encode_topology(const std::vector<const Topology::Peer*>& peers);

/// Every peer in the payload, in its order. Errors: Errc::malformed; nothing is returned of a
/// payload that is bad anywhere. `address` is foreign text: parse it before use.
[[nodiscard]] Result<std::vector<Topology::Peer>> decode_topology(ByteView payload);

}  // namespace weft::mesh
