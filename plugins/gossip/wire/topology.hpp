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

#include "common/gob/decoder.hpp"

namespace weft::mesh {

inline constexpr const char* topology_channel = "topology";

/// Descriptors are sent even when there are no peers to describe.
[[nodiscard]] Bytes encode_topology(const std::vector<const Topology::Peer*>& peers);

/// About the octets that a peer's entry takes.
[[nodiscard]] std::size_t encoded_size(const Topology::Peer& peer) noexcept;

/// Longer addresses are refused: one needs 47 bytes at most.
inline constexpr std::size_t max_address_bytes = 64;
/// More connections of one peer are refused unread: ten times Weave Net's default limit.
inline constexpr std::size_t max_entry_connections = 2000;

/// What a payload says of one peer.
struct TopologyEntry {
  Topology::Peer peer;
  /// Why the entry cannot be used; `peer` then holds what could be read. Others than the neighbour
  /// that encoded the payload may have written it: Weave Net peers pass on any name and text.
  std::optional<Error> fault;
};

/// Reads a payload entry by entry, so that a long one can be read in slices.
class TopologyReader {
 public:
  /// `payload` must outlive the reader.
  explicit TopologyReader(ByteView payload) : stream_(payload) {}

  /// None at the end. Errors: Errc::malformed when the payload is no topology, which is the fault
  /// of the neighbour that encoded it; nothing can be read after that.
  [[nodiscard]] Result<std::optional<TopologyEntry>> next();
  /// Octets not read yet.
  [[nodiscard]] std::size_t remaining() const noexcept { return stream_.remaining(); }

 private:
  gob::StreamReader stream_;
};

/// Every usable peer in the payload, in its order. Errors: as TopologyReader::next; nothing is
/// returned of a payload that is bad anywhere. `address` is foreign text: parse it before use.
[[nodiscard]] Result<std::vector<Topology::Peer>> decode_topology(ByteView payload);

}  // namespace weft::mesh
