/// Watches with a packet socket and takes frames apart.

#include "capture.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/netlink/namespace.hpp>

namespace weft::lab {
namespace {

constexpr std::size_t ethernet_octets = 14;
constexpr std::size_t udp_octets = 8;
constexpr std::size_t vxlan_octets = 8;
constexpr std::size_t icmp_octets = 8;
constexpr std::uint8_t echo_reply = 0;  // RFC 792
constexpr std::uint8_t echo_request = 8;
constexpr int buffer_octets = 4 << 20;
constexpr std::size_t longest_frame = 65'536;

using Octets = std::span<const std::byte>;

struct Ipv4 {
  std::uint8_t protocol;
  std::string from;
  std::string to;
  Octets payload;
};

std::string address_at(Octets packet, std::size_t offset) {
  return net::to_string(net::IpAddress::v4(load_be<std::uint32_t>(packet.data() + offset)));
}

/// The IPv4 packet in an Ethernet frame. RFC 791 section 3.1.
std::optional<Ipv4> ipv4_in(Octets frame) {
  constexpr std::size_t shortest_header = 20;
  if (frame.size() < ethernet_octets + shortest_header ||
      load_be<std::uint16_t>(frame.data() + 12) != ETH_P_IP) {
    return std::nullopt;
  }
  const Octets packet = frame.subspan(ethernet_octets);
  const std::size_t header = (std::to_integer<std::size_t>(packet[0]) & 0x0FU) * 4;
  const std::size_t length = load_be<std::uint16_t>(packet.data() + 2);
  if (header < shortest_header || length < header || length > packet.size()) {
    return std::nullopt;
  }
  return Ipv4{std::to_integer<std::uint8_t>(packet[9]), address_at(packet, 12),
              address_at(packet, 16), packet.subspan(header, length - header)};
}

}  // namespace

std::optional<TunnelledPing> parse_tunnelled_ping(std::span<const std::byte> frame) {
  const auto outer = ipv4_in(frame);
  if (!outer || outer->protocol != IPPROTO_UDP ||
      outer->payload.size() < udp_octets + vxlan_octets) {
    return std::nullopt;
  }
  const Octets datagram = outer->payload.subspan(udp_octets);
  const auto inner = ipv4_in(datagram.subspan(vxlan_octets));
  if (!inner || inner->protocol != IPPROTO_ICMP || inner->payload.size() < icmp_octets) {
    return std::nullopt;
  }
  const auto type = std::to_integer<std::uint8_t>(inner->payload[0]);
  if (type != echo_reply && type != echo_request) {
    return std::nullopt;
  }
  return TunnelledPing{type == echo_reply,
                       load_be<std::uint16_t>(inner->payload.data() + 6),
                       outer->from,
                       outer->to,
                       load_be<std::uint16_t>(outer->payload.data()),
                       load_be<std::uint16_t>(outer->payload.data() + 2),
                       datagram.size()};
}

std::optional<EspPacket> parse_esp(std::span<const std::byte> frame) {
  const auto packet = ipv4_in(frame);
  if (!packet || packet->protocol != IPPROTO_ESP) {
    return std::nullopt;
  }
  return EspPacket{packet->from, packet->to, packet->payload.size()};
}

std::optional<std::string> relay_between(std::span<const EspPacket> packets,
                                         const std::string& from, const std::string& to,
                                         std::size_t octets, std::size_t count) {
  std::optional<std::string> relay;
  std::size_t first_hops = 0;
  std::size_t second_hops = 0;
  for (const EspPacket& packet : packets) {
    const bool is_first = packet.from == from;
    if (packet.octets != octets || (!is_first && packet.to != to)) {
      continue;
    }
    const std::string& other = is_first ? packet.to : packet.from;
    if ((is_first && packet.to == to) || other != relay.value_or(other)) {
      return std::nullopt;
    }
    relay = other;
    ++(is_first ? first_hops : second_hops);
  }
  return first_hops == count && second_hops == count ? relay : std::nullopt;
}

Result<Capture> Capture::start(const std::string& netns) {
  auto scope = nl::NamespaceScope::enter("/run/netns/" + netns);
  if (!scope) {
    return tl::unexpected(std::move(scope).error());
  }
  UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_octets,
                              sizeof buffer_octets) < 0) {
    return fail(errno, "capture frames in network namespace '" + netns + "'");
  }
  return Capture(std::move(socket));
}

Result<Captured> Capture::read() {
  Captured captured;
  std::vector<std::byte> frame(longest_frame);
  while (true) {
    sockaddr_ll where{};
    socklen_t where_octets = sizeof where;
    const ssize_t got = ::recvfrom(socket_.get(), frame.data(), frame.size(), 0,
                                   reinterpret_cast<sockaddr*>(&where), &where_octets);
    if (got < 0 && errno == EAGAIN) {
      break;
    }
    if (got < 0) {
      return fail(errno, "read captured frames");
    }
    if (where.sll_pkttype != PACKET_OUTGOING) {
      continue;
    }
    const Octets octets{frame.data(), static_cast<std::size_t>(got)};
    if (auto ping = parse_tunnelled_ping(octets)) {
      captured.pings.push_back(std::move(*ping));
    } else if (auto packet = parse_esp(octets)) {
      captured.encrypted.push_back(std::move(*packet));
    }
  }
  tpacket_stats statistics{};
  socklen_t statistics_octets = sizeof statistics;
  if (::getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &statistics_octets) <
      0) {
    return fail(errno, "ask how many frames were missed");
  }
  if (statistics.tp_drops > 0) {
    return fail(ENOBUFS, "capture every frame");
  }
  return captured;
}

}  // namespace weft::lab
