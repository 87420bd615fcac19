#pragma once
/// UDP sockets as overlays need them, and where they send.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>
#include <weft/unique_fd.hpp>

namespace weft::overlay {

/// What the kernel does with a datagram that is larger than the path takes.
/// Source: ip(7), ipv6(7), Linux net/ipv4/ip_output.c and net/ipv6/ip6_output.c.
enum class Fragmentation : std::uint8_t {
  /// Sends with DF. Refuses what exceeds the path MTU that ICMP told it, which anybody can forge.
  refuse_beyond_path,
  /// Sends with DF. Refuses only what exceeds the interface's MTU.
  refuse_beyond_interface,
  /// Sends without DF: over IPv4 in fragments of the interface's MTU, whatever ICMP says; over IPv6
  /// in fragments of the path's, of 1280 bytes and more.
  fragment,
};

struct UdpOptions {
  Fragmentation fragmentation = Fragmentation::refuse_beyond_path;
  std::uint64_t receive_buffer_bytes = 0;  ///< 0: the system's default
  std::uint64_t send_buffer_bytes = 0;     ///< 0: the system's default
  bool joins_datagrams = false;            ///< UDP_GRO, where the kernel has it
};

/// Binds a non-blocking socket that shares its port with the other sockets of this process: the
/// kernel gives each remote's datagrams to one of them. An IPv6 socket carries IPv4 too; where the
/// kernel has no IPv6, "[::]" means "0.0.0.0". Errors: the kernel's.
[[nodiscard]] Result<UniqueFd> open_udp(const net::Endpoint& listen, const UdpOptions& options);

/// Opens a non-blocking socket of `family` that sends from `port`, where sockets of open_udp
/// listen, and gets nothing itself, however many there are. It needs destinations with a source
/// address. Errors: the kernel's.
[[nodiscard]] Result<UniqueFd> open_udp_sender(int family, std::uint16_t port,
                                               const UdpOptions& options);

/// AF_INET or AF_INET6, as open_udp chose.
[[nodiscard]] int family_of(const UniqueFd& socket) noexcept;
/// Where the socket really is: the port is never 0. An IPv6 socket answers an IPv6 address.
[[nodiscard]] net::Endpoint local_of(const UniqueFd& socket) noexcept;
/// Datagrams that the kernel dropped at the socket so far, modulo 2^32: for want of room, by its
/// filter, for a wrong checksum.
[[nodiscard]] std::uint32_t drops_of(const UniqueFd& socket) noexcept;

/// Room for what Destination::apply writes.
inline constexpr std::size_t max_control_bytes =
    CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t));

/// Where to send, ready for sendmsg on a socket of one family: the address, and the local address
/// to send from, because a node with several must not surprise the peer with another.
class Destination {
 public:
  Destination() = default;
  /// `family`: of the socket. Without `from` the kernel chooses the local address.
  Destination(int family, const net::Endpoint& to, const std::optional<net::IpAddress>& from);

  /// Points `message` at this object, which must outlive the sending.
  void apply(msghdr& message) const noexcept;
  /// The same, and asks the kernel to cut the message into datagrams of `segment_bytes`. `control`
  /// must outlive the sending too.
  void apply(msghdr& message, std::span<std::byte, max_control_bytes> control,
             std::uint16_t segment_bytes) const noexcept;

 private:
  sockaddr_storage address_{};
  socklen_t address_bytes_ = 0;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> control_{};
  std::size_t control_bytes_ = 0;
};

/// Sends one datagram without waiting. Answers 0 or the errno: EAGAIN when the socket's queue is
/// full, EMSGSIZE as `Fragmentation` says.
[[nodiscard]] int send_datagram(const UniqueFd& socket, const Destination& to,
                                ByteView octets) noexcept;

}  // namespace weft::overlay
