/// What the kernel says of routes, in a network namespace with interfaces and forged ICMP messages.

#include <weft/overlay/route_mtu.hpp>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <string>

#include <weft/net/checksum.hpp>

namespace weft::overlay {
namespace {

net::IpAddress address(const char* text) {
  return *net::parse_ip(text);
}

class RouteMtuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "needs CAP_SYS_ADMIN for a network namespace of its own";
    }
    run("ip link set lo up");
    run("ip link add va type veth peer name vb");
    run("ip link set va mtu 1500 up");
    run("ip link set vb up");
    run("ip address add 10.1.0.1/24 dev va");
    run("ip -6 address add fd00::1/64 dev va nodad");
  }

  static void run(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
};

TEST_F(RouteMtuTest, IsTheInterfacesMtu) {
  EXPECT_EQ(query_route_mtu(address("10.1.0.2"), address("10.1.0.1")).value(),
            (RouteMtu{1500, 1500}));
  EXPECT_EQ(query_route_mtu(address("fd00::2"), address("fd00::1")).value(),
            (RouteMtu{1500, 1500}));
  EXPECT_EQ(query_route_mtu(address("10.1.0.2"), std::nullopt).value(), (RouteMtu{1500, 1500}));
  run("ip link set va mtu 1400");
  EXPECT_EQ(query_route_mtu(address("10.1.0.2"), std::nullopt).value(), (RouteMtu{1400, 1400}));
}

TEST_F(RouteMtuTest, IsWhatTheOperatorGaveTheRoute) {
  run("ip route add 10.2.0.0/16 via 10.1.0.2 mtu 1300");
  run("ip -6 route add fd01::/64 via fd00::2 mtu 1350");
  EXPECT_EQ(query_route_mtu(address("10.2.0.2"), address("10.1.0.1")).value(),
            (RouteMtu{1300, 1300}));
  EXPECT_EQ(query_route_mtu(address("fd01::2"), address("fd00::1")).value(),
            (RouteMtu{1350, 1350}));
}

/// To 10.1.0.1: a datagram of port 7 there, on its way to 10.1.0.2, was too big.
void forge_report(std::uint16_t mtu) {
  std::array<std::uint8_t, 36> message{
      3, 4, 0, 0, 0, 0, static_cast<std::uint8_t>(mtu >> 8U), static_cast<std::uint8_t>(mtu)};
  const std::array<std::uint8_t, 28> quoted{0x45, 0, 0x05, 0xdc, 0, 0, 0x40, 0, 64, 17,
                                            0,    0, 10,   1,    0, 1, 10,   1, 0,  2,
                                            0,    7, 0,    9,    5, 0, 0,    0};
  std::ranges::copy(quoted, message.begin() + 8);
  store_be(reinterpret_cast<std::byte*>(message.data() + 2),
           net::internet_checksum(std::as_bytes(std::span(message))));
  const int raw = ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(0x0A01'0001);
  ASSERT_EQ(::sendto(raw, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                     sizeof to),
            static_cast<ssize_t>(message.size()));
  ::close(raw);
}

TEST_F(RouteMtuTest, TakesWhatIcmpSaysForHearsayAndForgetsIt) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);  // any socket at the port makes it credible
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(7);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);

  forge_report(900);

  EXPECT_EQ(query_route_mtu(address("10.1.0.2"), address("10.1.0.1")).value(),
            (RouteMtu{1500, 900}));
  ASSERT_TRUE(forget_reported_mtus());
  EXPECT_EQ(query_route_mtu(address("10.1.0.2"), address("10.1.0.1")).value(),
            (RouteMtu{1500, 1500}));
  ::close(socket);
}

TEST_F(RouteMtuTest, NeedsARoute) {
  const auto answer = query_route_mtu(address("192.0.2.1"), std::nullopt);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, std::errc::network_unreachable);
  EXPECT_FALSE(query_route_mtu(address("10.1.0.2"), address("10.1.0.9")));
}

}  // namespace
}  // namespace weft::overlay
