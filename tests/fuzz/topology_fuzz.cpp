/// Any octets as a topology payload; what is understood must survive encoding.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gossip/wire/topology.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto peers = weft::mesh::decode_topology(std::as_bytes(std::span{data, size}));
  if (peers) {
    std::vector<const weft::Topology::Peer*> pointers;
    for (const auto& peer : *peers) {
      pointers.push_back(&peer);
    }
    const auto again = weft::mesh::decode_topology(weft::mesh::encode_topology(pointers));
    if (!again || again->size() != peers->size()) {
      std::abort();
    }
  }
  return 0;
}
