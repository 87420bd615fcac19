#pragma once
/// Where other nodes reach this one.

#include <cstdint>
#include <string>
#include <string_view>

#include <weft/json.hpp>

namespace weft::events {

/// A plugin listens for other nodes. Pods have no business there.
///
/// Published by: whoever opened the port, once it is open; not retracted. Kind: state, keyed by
/// `purpose`.
struct NodePort {
  static constexpr std::string_view topic = "weft.node.port/1";

  std::string purpose;        ///< "mesh", "sleeve", "fastdp"; one port each
  std::uint8_t protocol = 0;  ///< IPPROTO_TCP, IPPROTO_UDP
  std::uint16_t port = 0;

  [[nodiscard]] std::string key() const { return purpose; }
  [[nodiscard]] std::string text() const {
    return purpose + ": " + (protocol == 6 ? "TCP " : "UDP ") + std::to_string(port);
  }
  [[nodiscard]] std::string json() const {
    return JsonObject()
        .text("purpose", purpose)
        .number("protocol", protocol)
        .number("port", port)
        .take();
  }
};

}  // namespace weft::events
