/// Opens tap devices. Source: Linux Documentation/networking/tuntap.rst.

#include "tap.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include <fmt/core.h>

#include "vnet_header.hpp"

namespace weft::bridge {
namespace {

// Source: Linux include/uapi/linux/if_tun.h, TUN_F_USO4 and TUN_F_USO6, since 6.2.
constexpr unsigned accept_uso4 = 0x20;
constexpr unsigned accept_uso6 = 0x40;

/// From the most to the least that kernels can leave to us.
struct OffloadStep {
  unsigned flags;
  std::string_view name;
};
constexpr unsigned accept_tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
// The type is spelled out: what GCC 12 deduces for a constant it keeps in writable memory.
constexpr std::array<OffloadStep, 5> offload_steps{{
    {accept_tcp | TUN_F_TSO_ECN | accept_uso4 | accept_uso6, "csum tso4 tso6 ecn uso"},
    {accept_tcp | TUN_F_TSO_ECN, "csum tso4 tso6 ecn"},
    {accept_tcp, "csum tso4 tso6"},
    {TUN_F_CSUM, "csum"},
    {0, "none"},
}};

std::string hint(int error, const std::string& name) {
  switch (error) {
    case EPERM:
      return " (weftd needs CAP_NET_ADMIN)";
    case EINVAL:  // it exists with other properties
    case EBUSY:
      return fmt::format(
          " (another program has a tun or tap device of that name: end that program, or remove the "
          "device: ip link delete {})",
          name);
    default:
      return "";
  }
}

Result<Queue> open_queue(const std::string& name) {
  Queue queue{::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (queue.fd() < 0) {
    return fail(errno, errno == EPERM || errno == EACCES
                           ? "open /dev/net/tun (a container must be given this device)"
                           : "open /dev/net/tun (load the kernel module tun, or give the container "
                             "this device)");
  }
  ifreq request{};
  std::ranges::copy(name, request.ifr_name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  if (::ioctl(queue.fd(), TUNSETIFF, &request) < 0) {
    const int error = errno;
    return fail(error, fmt::format("create a queue of tap device '{}'{}", name, hint(error, name)));
  }
  int header_bytes = vnet_header_bytes;
  if (::ioctl(queue.fd(), TUNSETVNETHDRSZ, &header_bytes) < 0) {
    return fail(errno, fmt::format("set the header size of tap device '{}'", name));
  }
  return queue;
}

}  // namespace

Queue::~Queue() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<Tap> open_tap(const std::string& name, unsigned queues) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return fail(Errc::invalid, fmt::format("name a tap device '{}': 1 to 15 characters", name));
  }
  Tap tap;
  tap.name = name;
  tap.queues.reserve(queues);
  for (unsigned i = 0; i < queues; ++i) {
    auto queue = open_queue(name);
    if (!queue) {
      return tl::unexpected(std::move(queue).error());
    }
    tap.queues.push_back(*std::move(queue));
  }
  for (const OffloadStep& step : offload_steps) {
    if (::ioctl(tap.queues.front().fd(), TUNSETOFFLOAD, step.flags) == 0) {
      tap.offloads = step.name;
      tap.cuts_udp = (step.flags & accept_uso4) != 0;  // both came with Linux 6.2
      break;
    }
  }
  return tap;
}

}  // namespace weft::bridge
