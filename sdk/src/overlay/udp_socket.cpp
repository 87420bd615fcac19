/// Opens UDP sockets and addresses what they send.

#include <weft/overlay/udp_socket.hpp>

#include <linux/sock_diag.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/core.h>

namespace weft::overlay {
namespace {

Result<> set_option(const UniqueFd& socket, int level, int name, int value, const char* what) {
  if (setsockopt(socket.get(), level, name, &value, sizeof value) != 0) {
    return fail(errno, fmt::format("set {} on a UDP socket", what));
  }
  return {};
}

/// Beyond the system's limit where we may, up to it otherwise.
void set_buffer(const UniqueFd& socket, int forced, int limited, std::uint64_t bytes) {
  const auto wanted = static_cast<int>(std::min<std::uint64_t>(
      bytes, static_cast<std::uint64_t>(std::numeric_limits<int>::max()) / 2));
  if (wanted != 0 && setsockopt(socket.get(), SOL_SOCKET, forced, &wanted, sizeof wanted) != 0) {
    setsockopt(socket.get(), SOL_SOCKET, limited, &wanted, sizeof wanted);
  }
}

/// The sockaddr of `endpoint` for a socket of `family`: IPv6 sockets want mapped IPv4 addresses.
socklen_t to_family(int family, const net::Endpoint& endpoint, sockaddr_storage& storage) {
  const socklen_t plain = net::to_sockaddr(endpoint, storage);
  if (family == AF_INET || !endpoint.address.is_v4()) {
    return plain;
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

/// The socket options of a Fragmentation, by family.
struct Discovery {
  int v4;
  int v6;
};

Discovery discovery_of(Fragmentation fragmentation) noexcept {
  switch (fragmentation) {
    case Fragmentation::refuse_beyond_path:
      return {IP_PMTUDISC_DO, IPV6_PMTUDISC_DO};
    case Fragmentation::refuse_beyond_interface:
      return {IP_PMTUDISC_PROBE, IPV6_PMTUDISC_PROBE};
    case Fragmentation::fragment:
      break;
  }
  return {IP_PMTUDISC_OMIT, IPV6_PMTUDISC_DONT};
}

/// A non-blocking socket of `family` that can share its port.
Result<UniqueFd> make_udp(int family, const UdpOptions& options) {
  UniqueFd socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!socket) {
    return fail(errno, "open a UDP socket");
  }
  const Discovery discovery = discovery_of(options.fragmentation);
  WEFT_TRY(set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"));
  WEFT_TRY(set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, discovery.v4, "IP_MTU_DISCOVER"));
  if (family == AF_INET6) {
    WEFT_TRY(set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY"));
    WEFT_TRY(
        set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discovery.v6, "IPV6_MTU_DISCOVER"));
  }
  if (options.joins_datagrams) {
    const int joined = 1;  // absent before Linux 5.0: datagrams then come one by one
    setsockopt(socket.get(), SOL_UDP, UDP_GRO, &joined, sizeof joined);
  }
  set_buffer(socket, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer_bytes);
  set_buffer(socket, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer_bytes);
  return socket;
}

Result<> bind_to(const UniqueFd& socket, int family, const net::Endpoint& endpoint) {
  sockaddr_storage address{};
  const socklen_t length = to_family(family, endpoint, address);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return fail(errno, fmt::format("bind UDP {}", net::to_string(endpoint)));
  }
  return {};
}

Result<UniqueFd> bind_udp(int family, const net::Endpoint& listen, const UdpOptions& options) {
  UniqueFd socket;
  WEFT_TRY(socket, make_udp(family, options));
  WEFT_TRY(bind_to(socket, family, listen));
  return socket;
}

int name_of(const UniqueFd& socket, sockaddr_storage& address) noexcept {
  socklen_t length = sizeof address;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return address.ss_family;
}

template <class PacketInfo>
std::size_t write_control(std::byte* to, int level, int type, const PacketInfo& info) noexcept {
  cmsghdr header{};
  header.cmsg_level = level;
  header.cmsg_type = type;
  header.cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(to, &header, sizeof header);
  std::memcpy(to + CMSG_LEN(0), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

}  // namespace

Result<UniqueFd> open_udp(const net::Endpoint& listen, const UdpOptions& options) {
  if (listen.address.is_v4()) {
    return bind_udp(AF_INET, listen, options);
  }
  auto socket = bind_udp(AF_INET6, listen, options);
  const bool lacks_ipv6 =
      !socket && listen.address.is_unspecified() &&
      (socket.error().code.value() == EAFNOSUPPORT || socket.error().code.value() == EADDRNOTAVAIL);
  return lacks_ipv6 ? bind_udp(AF_INET, {net::IpAddress::v4(0), listen.port}, options)
                    : std::move(socket);
}

Result<UniqueFd> open_udp_sender(int family, std::uint16_t port, const UdpOptions& options) {
  // Nobody has this address: RFC 7600 gave it to packets that need one.
  const net::IpAddress dummy = net::IpAddress::v4(0xC000'0008);  // 192.0.0.8
  UniqueFd socket;
  WEFT_TRY(socket, make_udp(family, options));
  WEFT_TRY(set_option(socket, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND"));
  WEFT_TRY(bind_to(socket, family, {dummy, port}));
  WEFT_TRY(set_option(socket, IPPROTO_IP, IP_FREEBIND, 0, "IP_FREEBIND"));
  return socket;
}

int family_of(const UniqueFd& socket) noexcept {
  sockaddr_storage address{};
  return name_of(socket, address);
}

net::Endpoint local_of(const UniqueFd& socket) noexcept {
  sockaddr_storage address{};
  name_of(socket, address);
  return net::from_sockaddr(reinterpret_cast<const sockaddr&>(address));
}

std::uint32_t drops_of(const UniqueFd& socket) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t bytes = sizeof info;
  getsockopt(socket.get(), SOL_SOCKET, SO_MEMINFO, info.data(), &bytes);
  return info[SK_MEMINFO_DROPS];
}

Destination::Destination(int family, const net::Endpoint& to,
                         const std::optional<net::IpAddress>& from)
    : address_bytes_(to_family(family, to, address_)) {
  if (!from || from->is_unspecified() || from->family != to.address.family) {
    return;
  }
  sockaddr_storage source{};
  to_family(family, net::Endpoint{*from, 0}, source);
  if (family == AF_INET6) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, &reinterpret_cast<const sockaddr_in6&>(source).sin6_addr,
                sizeof info.ipi6_addr);
    control_bytes_ = write_control(control_.data(), IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, &reinterpret_cast<const sockaddr_in&>(source).sin_addr,
                sizeof info.ipi_spec_dst);
    control_bytes_ = write_control(control_.data(), IPPROTO_IP, IP_PKTINFO, info);
  }
}

// The kernel only reads through these pointers when sending.
void Destination::apply(msghdr& message) const noexcept {
  message.msg_name = const_cast<sockaddr_storage*>(&address_);
  message.msg_namelen = address_bytes_;
  message.msg_control = control_bytes_ != 0 ? const_cast<std::byte*>(control_.data()) : nullptr;
  message.msg_controllen = control_bytes_;
}

void Destination::apply(msghdr& message, std::span<std::byte, max_control_bytes> control,
                        std::uint16_t segment_bytes) const noexcept {
  apply(message);
  std::memcpy(control.data(), control_.data(), control_bytes_);
  const std::size_t used =
      write_control(control.data() + control_bytes_, SOL_UDP, UDP_SEGMENT, segment_bytes);
  message.msg_control = control.data();
  message.msg_controllen = control_bytes_ + used;
}

int send_datagram(const UniqueFd& socket, const Destination& to, ByteView octets) noexcept {
  iovec piece{const_cast<std::byte*>(octets.data()), octets.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  to.apply(message);
  return sendmsg(socket.get(), &message, MSG_DONTWAIT) < 0 ? errno : 0;
}

}  // namespace weft::overlay
