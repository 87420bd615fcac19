#pragma once
/// What changes on the bridge that pods attach to.

#include <string>
#include <string_view>
#include <vector>

#include <weft/json.hpp>
#include <weft/net/ip.hpp>

namespace weft::events {

/// The addresses of the bridge itself, whoever gave them to it.
///
/// Published by: weft.bridge/1. Kind: state with one key.
struct BridgeAddressesChanged {
  static constexpr std::string_view topic = "weft.bridge.addresses/1";

  std::vector<net::Cidr> addresses;  ///< without link-local ones

  [[nodiscard]] int key() const { return 0; }
  [[nodiscard]] std::string text() const {
    std::string list;
    for (const net::Cidr& address : addresses) {
      list += (list.empty() ? "" : ", ") + to_string(address);
    }
    return list.empty() ? "none" : list;
  }
  [[nodiscard]] std::string json() const {
    return JsonObject().json("addresses", json_texts(addresses)).take();
  }
};

}  // namespace weft::events
