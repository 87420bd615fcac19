/// The packet path's netlink socket.

#include "netlink_port.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace weft::odp {
namespace {

/// Bytes: 64 super-segments out, and upcalls in while the lane does something else.
constexpr int buffer_bytes = 4 << 20;

}  // namespace

Result<NetlinkPort> NetlinkPort::open() {
  NetlinkPort port;
  port.fd_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC));
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  socklen_t length = sizeof own;
  if (!port.fd_ || ::bind(port.fd(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      ::getsockname(port.fd(), reinterpret_cast<sockaddr*>(&own), &length) != 0) {
    return fail(errno, "open a netlink socket for packets");
  }
  port.id_ = own.nl_pid;
  // Best effort: with the defaults bursts are dropped and counted earlier.
  ::setsockopt(port.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  ::setsockopt(port.fd(), SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  const int on = 1;
  ::setsockopt(port.fd(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return port;
}

bool NetlinkPort::send(std::span<iovec> vectors) const noexcept {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  msghdr message{};
  message.msg_name = &kernel;
  message.msg_namelen = sizeof kernel;
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
  return ::sendmsg(fd(), &message, MSG_DONTWAIT) >= 0;
}

}  // namespace weft::odp
