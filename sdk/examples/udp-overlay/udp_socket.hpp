#pragma once
/// The overlay's UDP sockets, and what only the kernel can tell about a path.

#include <sys/socket.h>

#include <cstdint>
#include <utility>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>

namespace weft::udp_overlay {

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

/// Binds a non-blocking socket that shares its port with the other sockets of this process, one
/// per lane: the kernel gives each remote's datagrams to one of them. It never fragments.
/// An IPv6 socket carries IPv4 too; where the kernel has no IPv6, "[::]" means "0.0.0.0".
/// Errors: the kernel's.
[[nodiscard]] Result<Fd> open_udp(const net::Endpoint& listen);

/// Where the socket really is: the port is never 0. An IPv6 socket answers an IPv6 address.
[[nodiscard]] net::Endpoint local_of(const Fd& socket) noexcept;

/// Where to send, ready for sendmsg on a socket of one family.
class Destination {
 public:
  Destination() = default;
  Destination(const Fd& socket, const net::Endpoint& to);

  /// Points `message` at this object, which must outlive the sending.
  void apply(msghdr& message) const noexcept;

 private:
  sockaddr_storage address_{};
  socklen_t address_bytes_ = 0;
};

/// Sends one datagram. What does not fit into the socket's queue is lost, as on the way.
void send_one(const Fd& socket, const Destination& to, ByteView octets) noexcept;

/// The kernel's path MTU to `to`, as an IP packet size: the route's, or less when a router said so.
/// Errors: the kernel's, ENETUNREACH for example.
[[nodiscard]] Result<std::uint32_t> query_path_mtu(const net::Endpoint& to);

}  // namespace weft::udp_overlay
