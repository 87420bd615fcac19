/// Opens the overlay's sockets and asks the kernel about paths.

#include "udp_socket.hpp"

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

namespace weft::udp_overlay {
namespace {

Result<> set_option(const Fd& socket, int level, int name, int value, const char* what) {
  if (setsockopt(socket.get(), level, name, &value, sizeof value) != 0) {
    return fail(errno, fmt::format("set {} on a UDP socket", what));
  }
  return {};
}

/// IPv6 sockets want IPv4 addresses mapped.
socklen_t to_family(int family, const net::Endpoint& endpoint, sockaddr_storage& storage) {
  if (family == AF_INET || !endpoint.address.is_v4()) {
    return net::to_sockaddr(endpoint, storage);
  }
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(endpoint.port);
  mapped.sin6_addr.s6_addr[10] = 0xFF;
  mapped.sin6_addr.s6_addr[11] = 0xFF;
  std::memcpy(&mapped.sin6_addr.s6_addr[12], endpoint.address.octets.data(), 4);
  std::memcpy(&storage, &mapped, sizeof mapped);
  return sizeof mapped;
}

Result<Fd> bind_udp(int family, const net::Endpoint& listen) {
  Fd socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (socket.get() < 0) {
    return fail(errno, "open a UDP socket");
  }
  WEFT_TRY(set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"));
  WEFT_TRY(set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, "IP_MTU_DISCOVER"));
  if (family == AF_INET6) {
    WEFT_TRY(set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY"));
    WEFT_TRY(
        set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, "IPV6_MTU_DISCOVER"));
  }
  sockaddr_storage address{};
  const socklen_t length = to_family(family, listen, address);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return fail(errno, fmt::format("bind UDP {}", net::to_string(listen)));
  }
  return socket;
}

int name_of(const Fd& socket, sockaddr_storage& address) noexcept {
  socklen_t length = sizeof address;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return address.ss_family;
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

Result<Fd> open_udp(const net::Endpoint& listen) {
  if (listen.address.is_v4()) {
    return bind_udp(AF_INET, listen);
  }
  auto socket = bind_udp(AF_INET6, listen);
  const bool lacks_ipv6 =
      !socket && listen.address.is_unspecified() &&
      (socket.error().code.value() == EAFNOSUPPORT || socket.error().code.value() == EADDRNOTAVAIL);
  return lacks_ipv6 ? bind_udp(AF_INET, {net::IpAddress::v4(0), listen.port}) : std::move(socket);
}

net::Endpoint local_of(const Fd& socket) noexcept {
  sockaddr_storage address{};
  name_of(socket, address);
  return net::from_sockaddr(reinterpret_cast<const sockaddr&>(address));
}

Destination::Destination(const Fd& socket, const net::Endpoint& to) {
  sockaddr_storage own{};
  address_bytes_ = to_family(name_of(socket, own), to, address_);
}

// The kernel only reads through these pointers when sending.
void Destination::apply(msghdr& message) const noexcept {
  message.msg_name = const_cast<sockaddr_storage*>(&address_);
  message.msg_namelen = address_bytes_;
}

void send_one(const Fd& socket, const Destination& to, ByteView octets) noexcept {
  iovec piece{const_cast<std::byte*>(octets.data()), octets.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  to.apply(message);
  sendmsg(socket.get(), &message, MSG_DONTWAIT);
}

// Only a connected socket has a path MTU, so this takes a socket of its own; it sends nothing.
Result<std::uint32_t> query_path_mtu(const net::Endpoint& to) {
  const bool is_v4 = to.address.is_v4();
  const Fd socket(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  if (socket.get() < 0) {
    return fail(errno, "open a UDP socket");
  }
  sockaddr_storage address{};
  const socklen_t length = net::to_sockaddr(to, address);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return fail(errno, fmt::format("find a route to {}", net::to_string(to)));
  }
  int mtu = 0;
  socklen_t bytes = sizeof mtu;
  if (getsockopt(socket.get(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_MTU : IPV6_MTU, &mtu,
                 &bytes) != 0) {
    return fail(errno, fmt::format("get the path MTU to {}", net::to_string(to)));
  }
  return static_cast<std::uint32_t>(mtu);
}

}  // namespace weft::udp_overlay
