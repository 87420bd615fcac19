/// Opens the overlay's sockets.
#include "udp_socket.hpp"

#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/format.h>

namespace weft::sleeve {
namespace {

Result<> set_option(const Fd& socket, int level, int name, int value, const char* what) {
  if (setsockopt(socket.get(), level, name, &value, sizeof value) != 0) {
    return fail(errno, fmt::format("set {} on a UDP socket", what));
  }
  return {};
}

/// Beyond the system's limit where we may, up to it otherwise.
void set_buffer(const Fd& socket, int forced, int limited, std::uint64_t bytes) {
  const auto wanted = static_cast<int>(std::min<std::uint64_t>(
      bytes, static_cast<std::uint64_t>(std::numeric_limits<int>::max()) / 2));
  if (setsockopt(socket.get(), SOL_SOCKET, forced, &wanted, sizeof wanted) != 0) {
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

/// What the kernel makes of a datagram that is larger than the path takes, by family.
/// Source: ip(7), ipv6(7), Linux net/ipv4/ip_output.c and net/ipv6/ip6_output.c.
struct Discovery {
  int v4;
  int v6;
};
constexpr Discovery receiving{IP_PMTUDISC_OMIT, IPV6_PMTUDISC_DONT};
constexpr Discovery sending_with_df{IP_PMTUDISC_PROBE, IPV6_PMTUDISC_PROBE};
constexpr Discovery sending_without_df{IP_PMTUDISC_OMIT, IPV6_PMTUDISC_DONT};

/// A non-blocking socket of `family` that can share its port.
Result<Fd> make_udp(int family, const Discovery& discovery) {
  Fd socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (socket.get() < 0) {
    return fail(errno, "open a UDP socket");
  }
  WEFT_TRY(set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"));
  WEFT_TRY(set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, discovery.v4, "IP_MTU_DISCOVER"));
  if (family == AF_INET6) {
    WEFT_TRY(set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY"));
    WEFT_TRY(
        set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discovery.v6, "IPV6_MTU_DISCOVER"));
  }
  return socket;
}

Result<> bind_to(const Fd& socket, int family, const net::Endpoint& endpoint) {
  sockaddr_storage address{};
  const socklen_t length = to_family(family, endpoint, address);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return fail(errno, fmt::format("bind UDP {}", net::to_string(endpoint)));
  }
  return {};
}

Result<Fd> bind_udp(int family, const SocketOptions& options) {
  Fd socket;
  WEFT_TRY(socket, make_udp(family, receiving));
  // Absent before Linux 5.0: datagrams then come one by one.
  const int joined = 1;
  setsockopt(socket.get(), SOL_UDP, UDP_GRO, &joined, sizeof joined);
  set_buffer(socket, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer_bytes);
  set_buffer(socket, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer_bytes);
  WEFT_TRY(bind_to(socket, family, options.listen));
  return socket;
}

net::Endpoint local_endpoint(const Fd& socket, int& family) noexcept {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  family = address.ss_family;
  return net::from_sockaddr(reinterpret_cast<const sockaddr&>(address));
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

Fd::~Fd() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

Result<Fd> open_udp(const SocketOptions& options) {
  if (options.listen.address.is_v4()) {
    return bind_udp(AF_INET, options);
  }
  auto socket = bind_udp(AF_INET6, options);
  const bool lacks_ipv6 =
      !socket && options.listen.address.is_unspecified() &&
      (socket.error().code.value() == EAFNOSUPPORT || socket.error().code.value() == EADDRNOTAVAIL);
  if (!lacks_ipv6) {
    return socket;
  }
  SocketOptions ipv4 = options;
  ipv4.listen.address = net::IpAddress::v4(0);
  return bind_udp(AF_INET, ipv4);
}

Result<Fd> open_udp_sender(int family, std::uint16_t port, std::uint64_t send_buffer_bytes,
                           Space space) {
  // Nobody has this address: RFC 7600 gave it to packets that need one.
  const net::IpAddress dummy = net::IpAddress::v4(0xC000'0008);  // 192.0.0.8
  Fd socket;
  WEFT_TRY(socket,
           make_udp(family, space == Space::dont_fragment ? sending_with_df : sending_without_df));
  set_buffer(socket, SO_SNDBUFFORCE, SO_SNDBUF, send_buffer_bytes);
  WEFT_TRY(set_option(socket, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND"));
  WEFT_TRY(bind_to(socket, family, {dummy, port}));
  WEFT_TRY(set_option(socket, IPPROTO_IP, IP_FREEBIND, 0, "IP_FREEBIND"));
  return socket;
}

int family_of(const Fd& socket) noexcept {
  int family = AF_UNSPEC;
  local_endpoint(socket, family);
  return family;
}

std::uint16_t port_of(const Fd& socket) noexcept {
  int family = AF_UNSPEC;
  return local_endpoint(socket, family).port;
}

std::uint32_t drops_of(const Fd& socket) noexcept {
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

}  // namespace weft::sleeve
