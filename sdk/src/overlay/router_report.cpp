/// Raw ICMP sockets that bring reports about our datagrams, and what these say.
#include <weft/overlay/router_report.hpp>

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace weft::overlay {
namespace {

constexpr std::uint8_t unreachable = 3;
constexpr std::uint8_t fragmentation_needed = 4;  // the code
constexpr std::uint8_t packet_too_big = 2;
constexpr std::size_t icmp_bytes = 8;
constexpr std::size_t ports_bytes = 4;

/// Where things are in an ICMP message that quotes a packet without options.
struct Layout {
  std::uint8_t type;
  std::uint8_t code;
  std::size_t mtu_at;
  std::uint8_t version;  ///< first octet of the quoted header, and which of its bits count
  std::uint8_t version_mask;
  std::size_t protocol_at;
  std::size_t destination_at;
  std::size_t address_bytes;
  std::size_t ports_at;
};

constexpr Layout layout_v4{unreachable,    fragmentation_needed, 6, 0x45,           0xFF,
                           icmp_bytes + 9, icmp_bytes + 16,      4, icmp_bytes + 20};
constexpr Layout layout_v6{packet_too_big, 0, 4, 0x60, 0xF0, icmp_bytes + 6, icmp_bytes + 24, 16,
                           icmp_bytes + 40};

constexpr const Layout& layout_of(net::Family family) noexcept {
  return family == net::Family::v4 ? layout_v4 : layout_v6;
}

/// Classic BPF for `layout`; a raw IPv4 socket sees the IP header too, whose length goes into X.
/// Source: Linux Documentation/networking/filter.rst.
Result<> attach_filter(const UniqueFd& socket, net::Family family, std::uint16_t port) {
  const Layout& layout = layout_of(family);
  const auto statement = [](unsigned code, std::size_t k) {
    return sock_filter{static_cast<std::uint16_t>(code), 0, 0, static_cast<std::uint32_t>(k)};
  };
  constexpr unsigned end = 13;
  unsigned count = 0;
  std::array<sock_filter, end + 1> program{};
  const auto add = [&](const sock_filter& one) { program[count++] = one; };
  const auto require = [&](std::uint32_t value) {  // or go to the end
    add({BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<std::uint8_t>(end - count - 1), value});
  };
  add(family == net::Family::v4 ? statement(BPF_LDX | BPF_B | BPF_MSH, 0)
                                : statement(BPF_LDX | BPF_W | BPF_IMM, 0));
  add(statement(BPF_LD | BPF_B | BPF_IND, 0));
  require(layout.type);
  add(statement(BPF_LD | BPF_B | BPF_IND, 1));
  require(layout.code);
  add(statement(BPF_LD | BPF_B | BPF_IND, icmp_bytes));
  add(statement(BPF_ALU | BPF_AND | BPF_K, layout.version_mask));
  require(layout.version);
  add(statement(BPF_LD | BPF_B | BPF_IND, layout.protocol_at));
  require(IPPROTO_UDP);
  add(statement(BPF_LD | BPF_H | BPF_IND, layout.ports_at));
  require(port);
  add(statement(BPF_RET | BPF_K, 0xFFFF));
  add(statement(BPF_RET | BPF_K, 0));
  const sock_fprog whole{static_cast<std::uint16_t>(count), program.data()};
  if (setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) != 0) {
    return fail(errno, "filter ICMP messages");
  }
  return {};
}

}  // namespace

std::optional<TooBigReport> parse_too_big_report(net::Family family, ByteView message,
                                                 std::uint16_t port) noexcept {
  const Layout& layout = layout_of(family);
  if (message.size() < layout.ports_at + ports_bytes) {
    return std::nullopt;
  }
  const auto octet = [&](std::size_t at) { return std::to_integer<std::uint8_t>(message[at]); };
  if (octet(0) != layout.type || octet(1) != layout.code ||
      (octet(icmp_bytes) & layout.version_mask) != layout.version ||
      octet(layout.protocol_at) != IPPROTO_UDP ||
      load_be<std::uint16_t>(message.data() + layout.ports_at) != port) {
    return std::nullopt;
  }
  TooBigReport report;
  report.destination.address.family = family;
  std::copy_n(message.data() + layout.destination_at, layout.address_bytes,
              report.destination.address.octets.begin());
  report.destination.port = load_be<std::uint16_t>(message.data() + layout.ports_at + 2);
  report.path_mtu = family == net::Family::v4
                        ? load_be<std::uint16_t>(message.data() + layout.mtu_at)
                        : load_be<std::uint32_t>(message.data() + layout.mtu_at);
  return report;
}

Result<TooBigSocket> TooBigSocket::open(net::Family family, std::uint16_t port) {
  const bool is_v4 = family == net::Family::v4;
  const int protocol = is_v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  UniqueFd socket(
      ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (socket.get() < 0) {
    return fail(errno, "open a raw ICMP socket");
  }
  WEFT_TRY(attach_filter(socket, family, port));
  return TooBigSocket(family, port, std::move(socket));
}

void TooBigSocket::receive(const std::function<void(const TooBigReport&)>& handler) const {
  std::array<std::byte, 256> buffer;
  for (unsigned i = 0; i < max_reports; ++i) {
    const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return;
    }
    ByteView message(buffer.data(), static_cast<std::size_t>(got));
    if (family_ == net::Family::v4) {  // a raw socket brings the IP header too
      const std::size_t header = 4 * (std::to_integer<std::size_t>(message[0]) & 0xFU);
      message = message.subspan(std::min(header, message.size()));
    }
    if (const auto report = parse_too_big_report(family_, message, port_)) {
      handler(*report);
    }
  }
}

}  // namespace weft::overlay
