#pragma once
/// What the mesh says about peers.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <weft/json.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::events {

/// The mesh agreed that a peer is reachable. Comes again for a peer that is up when its nickname or
/// its short id changes: two peers that chose one short id settle that within a round trip.
///
/// Published by: weft.mesh/1, after the topology settles, not per gossip message.
/// Kind: state, keyed by `name`; retracted when the peer goes down.
/// Order: per peer, as the publisher saw them; none between peers.
struct PeerUp {
  static constexpr std::string_view topic = "weft.mesh.peer-up/1";

  PeerName name{};
  std::string nickname;                   ///< for humans; not unique
  std::optional<std::uint16_t> short_id;  ///< 0..4095. Source: mesh peer.go, peerShortIDBits

  [[nodiscard]] PeerName key() const { return name; }
  [[nodiscard]] std::string text() const { return to_string(name) + "(" + nickname + ")"; }
  [[nodiscard]] std::string json() const {
    return JsonObject()
        .text("name", to_string(name))
        .text("nickname", nickname)
        .json("short_id", short_id ? std::to_string(*short_id) : "null")
        .take();
  }
};

/// A peer can no longer be reached over any connection.
///
/// Published by: weft.mesh/1. Kind: signal.
struct PeerDown {
  static constexpr std::string_view topic = "weft.mesh.peer-down/1";

  PeerName name{};
  std::string nickname;

  [[nodiscard]] std::string text() const { return to_string(name) + "(" + nickname + ")"; }
  [[nodiscard]] std::string json() const {
    return JsonObject().text("name", to_string(name)).text("nickname", nickname).take();
  }
};

}  // namespace weft::events
