#pragma once
/// What an operator can say about the mesh.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <weft/config.hpp>
#include <weft/net/ip.hpp>

namespace weft::gossip {

struct Config {
  std::vector<std::string> peers;
  Secret password;
  bool discovery = true;
  std::uint32_t connection_limit = 200;
  std::uint32_t peer_limit = 1024;
  std::vector<net::Cidr> trusted_subnets;
  std::chrono::milliseconds heartbeat{200};
  std::chrono::milliseconds dead_after{700};
  std::uint16_t min_protocol_version = 0;
  std::uint32_t introduction_limit = 64;

  void describe(Schema& schema);
  /// What no single field can tell. `port`: ours, which peers given without one have. Errors:
  /// Errc::invalid.
  [[nodiscard]] Result<> validate(std::uint16_t port) const;
  /// The oldest protocol to speak. Version 1 shows too late that a peer knows the password, so with
  /// a password it is spoken only when the operator says so.
  [[nodiscard]] unsigned lowest_version() const noexcept;
};

}  // namespace weft::gossip
