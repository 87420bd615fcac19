#pragma once
/// The overlay's UDP sockets.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>

#include "crypto.hpp"

namespace weft::sleeve {

/// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

/// One by space.
using Sockets = std::array<Fd, space_count>;

struct SocketOptions {
  net::Endpoint listen;
  std::uint64_t receive_buffer_bytes = 0;
  std::uint64_t send_buffer_bytes = 0;
};

/// Binds a non-blocking socket that shares its port with the other sockets of this process, and
/// receives. An IPv6 socket carries IPv4 too; where the kernel has no IPv6, "[::]" means "0.0.0.0".
///
/// The kernel believes no ICMP message that quotes a datagram of its port. Over IPv6 it does: the
/// kernel alone can fragment there, to 1280 bytes and more, and has to know when.
[[nodiscard]] Result<Fd> open_udp(const SocketOptions& options);

/// Opens a non-blocking socket of `family` that sends from `port`, where sockets of open_udp
/// listen, and gets nothing itself, however many there are. It needs destinations with a source
/// address. Errors: the kernel's.
///
/// The kernel refuses only what exceeds the interface's MTU, whatever it was told of the path: with
/// DF it sends the rest, without it fragments to the interface's MTU, over IPv6 to the path's.
[[nodiscard]] Result<Fd> open_udp_sender(int family, std::uint16_t port,
                                         std::uint64_t send_buffer_bytes, Space space);

/// AF_INET or AF_INET6, as open_udp chose.
[[nodiscard]] int family_of(const Fd& socket) noexcept;
/// The port it got; useful when `listen` asked for port 0.
[[nodiscard]] std::uint16_t port_of(const Fd& socket) noexcept;

/// Datagrams that the kernel dropped at the socket so far, modulo 2^32: for want of room, by its
/// filter, for a wrong checksum.
[[nodiscard]] std::uint32_t drops_of(const Fd& socket) noexcept;

/// Room for what Destination::apply writes.
inline constexpr std::size_t max_control_bytes =
    CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t));

/// Where to send, ready for sendmsg on a socket of one family: the address, and the local address
/// to send from, because a node with several must not surprise the peer with another.
class Destination {
 public:
  Destination() = default;
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

}  // namespace weft::sleeve
