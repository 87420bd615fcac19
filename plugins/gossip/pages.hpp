#pragma once
/// The mesh as lines of `weft status`, from values of its answers to programs. Pure.
/// Source: weave prog/weaver/http.go, the status templates; separated attributes are ours.

#include <cstddef>

#include <nlohmann/json_fwd.hpp>

#include <weft/page.hpp>

namespace weft::gossip {

/// Of all peers.
struct PeerCounts {
  std::size_t peers = 0;
  std::size_t established = 0;  ///< connections
  std::size_t pending = 0;
};

/// `peer`: an element of mesh.peers.
void count_peer(PeerCounts& counts, const nlohmann::ordered_json& peer);
/// `router`: of mesh.status, what is not about all peers.
void add_summary(PageLines& page, const nlohmann::ordered_json& router, const PeerCounts& peers);
void add_peer(PageLines& page, const nlohmann::ordered_json& peer);
/// `connection`: an element of mesh.connections.
void add_connection(PageLines& page, const nlohmann::ordered_json& connection);
/// `target`: an element of mesh.direct-peers.
void add_target(PageLines& page, const nlohmann::ordered_json& target);

}  // namespace weft::gossip
