/// Network namespaces of threads, kernel settings, and gratuitous ARP.

#include <weft/netlink/namespace.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::nl {
namespace {

/// Closes on scope exit.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

constexpr std::size_t arp_packet_bytes = 28;

std::array<std::byte, arp_packet_bytes> gratuitous_arp(const net::Mac& mac,
                                                       const net::IpAddress& address) {
  std::array<std::byte, arp_packet_bytes> packet{};
  store_be<std::uint16_t>(packet.data(), ARPHRD_ETHER);
  store_be<std::uint16_t>(packet.data() + 2, ETH_P_IP);
  packet[4] = std::byte{6};
  packet[5] = std::byte{4};
  store_be<std::uint16_t>(packet.data() + 6, ARPOP_REQUEST);
  std::ranges::copy(mac.octets, packet.begin() + 8);
  std::ranges::copy(address.bytes(), packet.begin() + 14);
  std::ranges::copy(address.bytes(), packet.begin() + 24);
  return packet;
}

}  // namespace

Result<NamespaceScope> NamespaceScope::enter(const std::string& path) {
  Descriptor previous{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
  if (previous.get() < 0) {
    return fail(errno, "open this thread's network namespace");
  }
  const Descriptor target{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (target.get() < 0 || ::setns(target.get(), CLONE_NEWNET) < 0) {
    return fail(errno, fmt::format("enter network namespace '{}'", path));
  }
  return NamespaceScope{previous.release()};
}

NamespaceScope::NamespaceScope(NamespaceScope&& other) noexcept
    : previous_(std::exchange(other.previous_, -1)) {}

NamespaceScope::~NamespaceScope() {
  if (previous_ >= 0) {
    // Going on in the wrong namespace would do harm to somebody else's network.
    WEFT_CHECK(::setns(previous_, CLONE_NEWNET) == 0, "a thread can return to its own namespace");
    ::close(previous_);
  }
}

Result<> write_setting(std::string_view name, std::string_view value) {
  const std::string path = fmt::format("/proc/sys/{}", name);
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (file.get() >= 0 && ::write(file.get(), value.data(), value.size()) >= 0) {
    return {};
  }
  const int error = errno;
  const bool is_forbidden = error == EROFS || error == EACCES || error == EPERM;
  if (is_forbidden && read_setting(name) == std::string(value)) {
    return {};
  }
  return fail(error, fmt::format("write {} to {}", value, path));
}

Result<std::string> read_setting(std::string_view name) {
  const std::string path = fmt::format("/proc/sys/{}", name);
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 256> text{};
  const ssize_t size = file.get() < 0 ? -1 : ::read(file.get(), text.data(), text.size());
  if (size < 0) {
    return fail(errno, fmt::format("read {}", path));
  }
  std::string_view value{text.data(), static_cast<std::size_t>(size)};
  while (value.ends_with('\n')) {
    value.remove_suffix(1);
  }
  return std::string(value);
}

Result<> tune_arp(std::string_view interface) {
  const std::string base = fmt::format("net/ipv4/neigh/{}/", interface);
  WEFT_TRY(write_setting(base + "base_reachable_time", "5"));
  WEFT_TRY(write_setting(base + "delay_first_probe_time", "2"));
  return write_setting(base + "ucast_solicit", "1");
}

Result<> announce_address(int link, const net::Mac& mac, const net::IpAddress& address) {
  const std::string doing = fmt::format("announce {} on interface {}", to_string(address), link);
  if (!address.is_v4()) {
    return fail(Errc::unsupported, doing + ": only IPv4 addresses are announced by ARP");
  }
  const Descriptor socket{::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (socket.get() < 0) {
    return fail(errno, doing);
  }
  sockaddr_ll everyone{};
  everyone.sll_family = AF_PACKET;
  everyone.sll_protocol = htons(ETH_P_ARP);
  everyone.sll_ifindex = link;
  everyone.sll_halen = ETH_ALEN;
  std::memset(everyone.sll_addr, 0xFF, ETH_ALEN);
  const auto packet = gratuitous_arp(mac, address);
  if (::sendto(socket.get(), packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&everyone), sizeof everyone) < 0) {
    return fail(errno, doing);
  }
  return {};
}

}  // namespace weft::nl
