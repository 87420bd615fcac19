#pragma once
/// A peer that the operator named, as text. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>

namespace weft::gossip {

struct DirectPeer {
  std::string text;  ///< as given; what `forget` must repeat
  std::string host;
  std::uint16_t port = 0;                   ///< 0: not given, our own is meant
  bool is_name = false;                     ///< `host` has to be looked up
  std::vector<net::IpAddress> addresses{};  ///< of a name: empty until it is found
};

/// "host", "host:port", "[v6]:port" or a bare IPv6 address; a literal address is its only one.
/// Errors: Errc::invalid.
[[nodiscard]] Result<DirectPeer> parse_direct_peer(std::string_view text);

}  // namespace weft::gossip
