#pragma once
/// For tests only: two nodes on one wire, in network namespaces, and what goes over that wire.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/netlink/namespace.hpp>

#include "shell.hpp"

namespace weft::ipsec::testing {

using weft::testing::run;

inline constexpr int patience_ms = 10'000;

inline net::IpAddress address(std::string_view text) {
  return net::parse_ip(text).value();
}

/// A socket that closes itself.
class Socket {
 public:
  Socket(int domain, int type, int protocol)
      : fd_(::socket(domain, type | SOCK_CLOEXEC, protocol)) {
    if (fd_ < 0) {
      throw std::runtime_error("no socket");
    }
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  template <class Address>
  void bind(const Address& address) {
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot bind");
    }
  }

  /// The next packet; empty when none comes in time.
  [[nodiscard]] std::optional<std::string> receive(int wait_ms) {
    pollfd readable{fd_, POLLIN, 0};
    if (::poll(&readable, 1, wait_ms) != 1) {
      return std::nullopt;
    }
    std::string packet(65'536, '\0');
    const ssize_t got = ::recv(fd_, packet.data(), packet.size(), 0);
    packet.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return packet;
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

/// A UDP socket of one node.
class UdpSocket {
 public:
  UdpSocket(const net::IpAddress& local, std::uint16_t port) {
    socket_.bind(to_sockaddr_in(local, port));
  }

  /// False when this node's firewall or policy refused it.
  bool send(const net::IpAddress& to, std::uint16_t port, std::string_view text) {
    const sockaddr_in address = to_sockaddr_in(to, port);
    return ::sendto(socket_.fd(), text.data(), text.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address), sizeof address) >= 0;
  }

  [[nodiscard]] std::optional<std::string> receive(int wait_ms = patience_ms) {
    return socket_.receive(wait_ms);
  }

 private:
  static sockaddr_in to_sockaddr_in(const net::IpAddress& address, std::uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    result.sin_addr.s_addr = htonl(address.v4_value());
    return result;
  }

  Socket socket_{AF_INET, SOCK_DGRAM, 0};
};

/// Sees what enters and leaves one end of the wire, as it is on the wire.
class Sniffer {
 public:
  explicit Sniffer(const char* interface) {
    sockaddr_ll all{};
    all.sll_family = AF_PACKET;
    all.sll_protocol = htons(ETH_P_ALL);
    all.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    socket_.bind(all);
  }

  /// What passed since the last call; `is_end` knows a packet that was sent last.
  struct Traffic {
    int esp = 0;
    int clear = 0;  ///< packets with `secret` in them
    bool saw_end = false;
  };
  [[nodiscard]] Traffic read_until(std::string_view end, std::string_view secret) {
    Traffic traffic;
    while (const auto frame = socket_.receive(patience_ms)) {
      constexpr std::string_view ipv4("\x08\x00", 2);
      constexpr std::size_t protocol_offset = 14 + 9;  // Ethernet, then IPv4
      const bool is_esp = frame->size() > protocol_offset && frame->substr(12, 2) == ipv4 &&
                          (*frame)[protocol_offset] == IPPROTO_ESP;
      traffic.esp += is_esp ? 1 : 0;
      traffic.clear += frame->find(secret) != std::string::npos ? 1 : 0;
      if (frame->find(end) != std::string::npos) {
        traffic.saw_end = true;
        break;
      }
    }
    return traffic;
  }

 private:
  Socket socket_{AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)};
};

/// Namespaces "a" and "b", joined by interfaces called "wire": 10.99.0.1 and 10.99.0.2.
class TwoNodes {
 public:
  TwoNodes() {
    run("ip netns add a; ip netns add b;"
        "ip link add wire netns a type veth peer name wire netns b");
    for (const char* const node : {"a 10.99.0.1", "b 10.99.0.2"}) {
      const std::string name(1, node[0]);
      run("ip -n " + name + " address add " + (node + 2) + "/24 dev wire;" + "ip -n " + name +
          " link set wire up; ip -n " + name + " link set lo up");
    }
  }
  ~TwoNodes() { run("ip netns delete a; ip netns delete b"); }
  TwoNodes(const TwoNodes&) = delete;
  TwoNodes& operator=(const TwoNodes&) = delete;

  static nl::NamespaceScope enter(const std::string& node) {
    return nl::NamespaceScope::enter("/run/netns/" + node).value();
  }
};

}  // namespace weft::ipsec::testing
