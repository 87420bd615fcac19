#pragma once
/// Snapshots of the mesh: who is connected to whom, and where frames go.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
    PeerName via{}; ///< the neighbour to hand the frame to
  };
  struct Broadcast {
    PeerName origin{};
    std::vector<PeerName> hops;  ///< neighbours to copy the origin's frame to; may be empty
  };

  PeerName self{};
  std::vector<Unicast> unicast;      ///< sorted by destination; without self
  std::vector<Broadcast> broadcast;  ///< sorted by origin; with self
};

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
};

}  // namespace events
}  // namespace weft
