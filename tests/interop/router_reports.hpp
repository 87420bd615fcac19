#pragma once
/// For tests only: reports of routers as they arrive, sent from this node to itself.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>

#include <weft/bytes.hpp>
#include <weft/net/checksum.hpp>
#include <weft/net/ip.hpp>

#include <weft/unique_fd.hpp>

namespace weft::frames {

/// An ICMP message of the family: a UDP datagram of 1500 octets from `local` to `remote` was too
/// big for a link of `mtu`.
inline Bytes report_message(const net::Endpoint& local, const net::Endpoint& remote,
                            std::uint16_t mtu) {
  const bool is_v4 = local.address.is_v4();
  const std::size_t addresses_at = is_v4 ? 8 + 12 : 8 + 8;
  const std::size_t ports_at = is_v4 ? 8 + 20 : 8 + 40;
  Bytes message(ports_at + 8);
  message[0] = is_v4 ? std::byte{3} : std::byte{2};
  message[1] = is_v4 ? std::byte{4} : std::byte{0};
  store_be(message.data() + 6, mtu);  // of ICMPv6's 32 bits the lower ones
  message[8] = is_v4 ? std::byte{0x45} : std::byte{0x60};
  message[is_v4 ? 8 + 9 : 8 + 6] = std::byte{IPPROTO_UDP};
  const std::size_t bytes = local.address.bytes().size();
  std::ranges::copy(local.address.bytes(), message.data() + addresses_at);
  std::ranges::copy(remote.address.bytes(), message.data() + addresses_at + bytes);
  store_be(message.data() + ports_at, local.port);
  store_be(message.data() + ports_at + 2, remote.port);
  if (is_v4) {
    store_be(message.data() + 8 + 2, std::uint16_t{1500});
    store_be(message.data() + 2, net::internet_checksum(message));
  }
  return message;
}

/// Sends it to `local`, as anybody could.
inline void forge_report(const net::Endpoint& local, const net::Endpoint& remote,
                         std::uint16_t mtu) {
  const bool is_v4 = local.address.is_v4();
  const int protocol = is_v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  const UniqueFd raw(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, protocol));
  const Bytes message = report_message(local, remote, mtu);
  sockaddr_storage to{};
  const socklen_t length = net::to_sockaddr({local.address, 0}, to);
  ASSERT_EQ(::sendto(raw.get(), message.data(), message.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), length),
            static_cast<ssize_t>(message.size()));
}

}  // namespace weft::frames
