#pragma once
/// Snapshots of the mesh: who is connected to whom, and where frames go.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/json.hpp>
#include <weft/net/peer_name.hpp>

namespace weft {

/// The mesh as this node knows it. Immutable once published; peers sorted by name.
struct Topology {
  struct Connection {
    PeerName remote{};
    std::string address;  ///< "ip:port" as the owner of the connection sees the remote
    bool outbound = false;
    bool established = false;
  };
  struct Peer {
    PeerName name{};
    std::string nickname;
    std::uint64_t uid = 0;  ///< 0: known only as somebody's neighbour
    std::uint64_t version = 0;
    std::optional<std::uint16_t> short_id;
    std::vector<Connection> connections;
  };

  PeerName self{};
  std::vector<Peer> peers;
  std::size_t direct_peers = 0;  ///< configured addresses that are still tried

  /// Null when unknown.
  [[nodiscard]] const Peer* find(PeerName name) const noexcept {
    for (const Peer& peer : peers) {
      if (peer.name == name) {
        return &peer;
      }
    }
    return nullptr;
  }
};

/// Where frames go over established, symmetric connections. Immutable once published.
/// Source: weaveworks/mesh routes.go.
struct Routes {
  struct Unicast {
    PeerName destination{};
    PeerName via{};  ///< the neighbour to hand the frame to
  };
  struct Broadcast {
    PeerName origin{};
    std::vector<PeerName> hops;  ///< neighbours to copy the origin's frame to; may be empty
  };

  PeerName self{};
  std::vector<Unicast> unicast;      ///< sorted by destination; without self
  std::vector<Broadcast> broadcast;  ///< sorted by origin; with self
};

[[nodiscard]] inline std::string to_json(const Routes& routes) {
  const auto unicast = [](const Routes::Unicast& route) {
    return JsonObject()
        .text("destination", to_string(route.destination))
        .text("via", to_string(route.via))
        .take();
  };
  const auto broadcast = [](const Routes::Broadcast& route) {
    return JsonObject()
        .text("origin", to_string(route.origin))
        .json("hops", json_texts(route.hops))
        .take();
  };
  return JsonObject()
      .text("self", to_string(routes.self))
      .json("unicast", json_list(routes.unicast, unicast))
      .json("broadcast", json_list(routes.broadcast, broadcast))
      .take();
}

[[nodiscard]] inline std::string to_json(const Topology& topology) {
  const auto connection = [](const Topology::Connection& each) {
    return JsonObject()
        .text("remote", to_string(each.remote))
        .text("address", each.address)
        .boolean("outbound", each.outbound)
        .boolean("established", each.established)
        .take();
  };
  const auto peer = [&](const Topology::Peer& each) {
    return JsonObject()
        .text("name", to_string(each.name))
        .text("nickname", each.nickname)
        .number("uid", each.uid)
        .number("version", each.version)
        .json("short_id", each.short_id ? std::to_string(*each.short_id) : "null")
        .json("connections", json_list(each.connections, connection))
        .take();
  };
  return JsonObject()
      .text("self", to_string(topology.self))
      .json("peers", json_list(topology.peers, peer))
      .number("direct_peers", topology.direct_peers)
      .take();
}

namespace events {

/// Routes changed. Equal routes are not published again.
///
/// Published by: weft.mesh/1. Kind: state with one key, so readers see only the newest.
struct RoutesChanged {
  static constexpr std::string_view topic = "weft.mesh.routes/1";

  std::shared_ptr<const Routes> routes;

  [[nodiscard]] int key() const { return 0; }
  [[nodiscard]] std::string text() const {
    return std::to_string(routes ? routes->unicast.size() : 0) + " destinations";
  }
  [[nodiscard]] std::string json() const { return to_json(routes ? *routes : Routes{}); }
};

/// Peers or connections changed.
///
/// Published by: weft.mesh/1. Kind: state with one key.
struct TopologyChanged {
  static constexpr std::string_view topic = "weft.mesh.topology/1";

  std::shared_ptr<const Topology> topology;

  [[nodiscard]] int key() const { return 0; }
  [[nodiscard]] std::string text() const {
    return std::to_string(topology ? topology->peers.size() : 0) + " peers";
  }
  [[nodiscard]] std::string json() const { return to_json(topology ? *topology : Topology{}); }
};

}  // namespace events
}  // namespace weft
