/// Where a real kernel sends frames without a flow: a socket for each port, or for each processor.

#include <netinet/in.h>
#include <poll.h>

#include <map>

#include <gtest/gtest.h>

#include <weft/testing/hex.hpp>

#include "netlink_port.hpp"
#include "testing/datapath.hpp"
#include "tunnel_ports.hpp"
#include "upcall.hpp"

namespace weft::odp {
namespace {

constexpr int patience_ms = 10'000;

/// How many of our frames entered each port, as one socket tells it.
using Misses = std::map<PortNumber, unsigned>;

class OdpUpcallTest : public testing::DatapathTest {
 protected:
  static NetlinkPort open_socket() {
    auto port = NetlinkPort::open();
    EXPECT_TRUE(port);
    return *std::move(port);
  }

  /// Reads the sockets until `expected` frames of ours arrived.
  static std::vector<Misses> read(const Kernel& kernel, std::span<const NetlinkPort> sockets,
                                  unsigned expected) {
    std::vector<Misses> misses(sockets.size());
    std::vector<pollfd> readable;
    for (const NetlinkPort& socket : sockets) {
      readable.push_back({socket.fd(), POLLIN, 0});
    }
    while (expected > 0 && ::poll(readable.data(), readable.size(), patience_ms) > 0) {
      for (std::size_t i = 0; i < sockets.size(); ++i) {
        alignas(nlmsghdr) std::array<std::byte, 4096> buffer;
        while (::recv(sockets[i].fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
          const auto upcall =
              parse_upcall(*reinterpret_cast<nlmsghdr*>(buffer.data()), kernel.families().packet);
          if (upcall && net::Mac::load(upcall->frame.data() + 6) == testing::sender) {
            ++misses[i][upcall->in_port];
            --expected;
          }
        }
      }
    }
    EXPECT_EQ(expected, 0U) << "misses that did not arrive";
    return misses;
  }

  /// A frame of `sender` in VXLAN, to this host's tunnel port.
  static void send_through_tunnel(std::uint16_t port) {
    const Bytes packet = weft::testing::from_hex(
        "0800000000000100"
        "02000001000002000000001188b5000000000000000000000000000000000000000000000000000000000000");
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                       sizeof to),
              static_cast<ssize_t>(packet.size()));
    ::close(fd);
  }
};

TEST_F(OdpUpcallTest, GivesEachPortASocketOfItsOwnByTurns) {
  Kernel kernel = open_datapath();
  std::vector<PortNumber> ports;
  for (unsigned n = 0; n < 4; ++n) {
    ports.push_back(add_port(kernel, n));
  }
  const std::array sockets{open_socket(), open_socket()};
  ASSERT_TRUE(kernel.send_upcalls_by_port({sockets[0].id(), sockets[1].id()}));

  for (unsigned n = 0; n < 4; ++n) {
    send(n, 8);
  }

  const auto misses = read(kernel, sockets, 32);
  for (const PortNumber port : ports) {
    EXPECT_EQ(misses[port % 2].at(port), 8U);
  }
  EXPECT_EQ(misses[0].size(), 2U);
  EXPECT_EQ(misses[1].size(), 2U);
}

TEST_F(OdpUpcallTest, GivesOneToPortsThatAreAddedLaterAlsoToTunnels) {
  Kernel kernel = open_datapath();
  const std::array sockets{open_socket(), open_socket()};
  ASSERT_TRUE(kernel.send_upcalls_by_port({sockets[0].id(), sockets[1].id()}));

  const PortNumber port = add_port(kernel, 0);
  const auto tunnel = TunnelPorts::open(kernel, 6884)->ensure_own();
  ASSERT_TRUE(tunnel) << tunnel.error().message();
  send(0, 3);
  send_through_tunnel(6884);

  const auto misses = read(kernel, sockets, 4);
  EXPECT_EQ(misses[port % 2].at(port), 3U);
  EXPECT_EQ(misses[tunnel->number % 2].at(tunnel->number), 1U);
}

TEST_F(OdpUpcallTest, GivesEachProcessorASocketOfItsOwnWhereTheKernelCan) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  Kernel kernel = open_datapath();
  const PortNumber port = add_port(kernel, 0);
  std::vector<NetlinkPort> sockets;
  std::vector<std::uint32_t> ids;
  for (long i = 0; i < processors; ++i) {
    sockets.push_back(open_socket());
    ids.push_back(sockets.back().id());
  }
  const auto is_per_processor = kernel.send_upcalls_to(ids);
  ASSERT_TRUE(is_per_processor) << is_per_processor.error().message();
  ASSERT_TRUE(*is_per_processor);

  for (unsigned i = 0; i < processors; ++i) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(i, &only);
    ASSERT_EQ(sched_setaffinity(0, sizeof only, &only), 0);
    send(0, 2 + i);
  }

  const auto total = static_cast<unsigned>(processors * (processors + 3) / 2);
  const auto misses = read(kernel, sockets, total);
  for (unsigned i = 0; i < processors; ++i) {
    EXPECT_EQ(misses[i].at(port), 2 + i);
  }
}

}  // namespace
}  // namespace weft::odp
