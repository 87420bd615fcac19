/// Network namespaces of threads, kernel settings, and announcements of addresses.

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
#include <netinet/icmp6.h>
#include <netinet/in.h>
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
/// With one option. Source: RFC 4861 sections 4.4 and 4.6.1.
constexpr std::size_t advertisement_bytes = 32;

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

/// The kernel fills in the checksum.
std::array<std::byte, advertisement_bytes> advertisement(const net::Mac& mac,
                                                         const net::IpAddress& address) {
  std::array<std::byte, advertisement_bytes> packet{};
  packet[0] = std::byte{ND_NEIGHBOR_ADVERT};
  store_be<std::uint32_t>(packet.data() + 4, 1U << 29U);  // override what is known
  std::ranges::copy(address.bytes(), packet.begin() + 8);
  packet[24] = std::byte{ND_OPT_TARGET_LINKADDR};
  packet[25] = std::byte{1};  // in units of eight octets
  std::ranges::copy(mac.octets, packet.begin() + 26);
  return packet;
}

Result<> send_advertisement(int link, const net::Mac& mac, const net::IpAddress& address,
                            const std::string& doing) {
  const Descriptor socket{::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6)};
  const int hops = 255;  // others believe no fewer
  sockaddr_storage own{};
  const auto own_bytes = net::to_sockaddr({address, 0}, own);
  sockaddr_in6 everyone{};
  everyone.sin6_family = AF_INET6;
  everyone.sin6_addr = {{{0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}};
  everyone.sin6_scope_id = static_cast<std::uint32_t>(link);
  const auto packet = advertisement(mac, address);
  if (socket.get() < 0 ||
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), own_bytes) != 0 ||
      ::sendto(socket.get(), packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&everyone), sizeof everyone) < 0) {
    return fail(errno, doing);
  }
  return {};
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
    return send_advertisement(link, mac, address, doing);
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
