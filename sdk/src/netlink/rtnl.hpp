#pragma once
/// What the rtnetlink helpers share.

#include <algorithm>
#include <cstdint>

#include <sys/socket.h>

#include <weft/net/ip.hpp>

namespace weft::nl {

[[nodiscard]] inline std::uint8_t kernel_family(const net::IpAddress& address) noexcept {
  return address.is_v4() ? AF_INET : AF_INET6;
}

/// From an attribute of 4 or 16 octets; the unspecified IPv4 address for any other length.
[[nodiscard]] inline net::IpAddress read_ip(ByteView octets) noexcept {
  net::IpAddress address;
  if (octets.size() == 4 || octets.size() == 16) {
    address.family = octets.size() == 4 ? net::Family::v4 : net::Family::v6;
    std::ranges::copy(octets, address.octets.begin());
  }
  return address;
}

}  // namespace weft::nl
