#pragma once
/// Where this node looks for peers.

#include <string>
#include <string_view>
#include <vector>

#include <weft/json.hpp>
#include <weft/net/ip.hpp>

namespace weft::events {

/// The addresses of the peers that this node was told to connect to, whether it is connected or
/// not: configured ones, and those added at run time. A name counts with the addresses that it was
/// last found to have.
///
/// Published by: weft.mesh/1. Kind: state with one key.
struct DirectPeersChanged {
  static constexpr std::string_view topic = "weft.mesh.direct-peers/1";

  std::vector<net::IpAddress> addresses;  ///< sorted, each once

  [[nodiscard]] int key() const { return 0; }
  [[nodiscard]] std::string text() const {
    std::string list;
    for (const net::IpAddress& address : addresses) {
      list += (list.empty() ? "" : ", ") + to_string(address);
    }
    return list.empty() ? "none" : list;
  }
  [[nodiscard]] std::string json() const {
    return JsonObject().json("addresses", json_texts(addresses)).take();
  }
};

}  // namespace weft::events
