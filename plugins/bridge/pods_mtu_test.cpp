/// Where the pods' MTU comes from, on networks made for it.
#include "pods_mtu.hpp"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/route.hpp>

namespace weft::bridge {
namespace {

class PodsMtuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    socket_.emplace(nl::Socket::open(NETLINK_ROUTE).value());
  }

  /// A network card with an address, and so a route to its network.
  void add_device(const std::string& name, const char* address, std::uint32_t mtu) {
    ASSERT_TRUE(nl::create_veth(*socket_, {.name = name, .mtu = mtu},
                                {.name = name + "-wire", .mtu = mtu}));
    ASSERT_TRUE(nl::change_link(*socket_, index(name + "-wire"), {.up = true}));
    ASSERT_TRUE(nl::change_link(*socket_, index(name), {.up = true}));
    ASSERT_TRUE(nl::add_address(*socket_, index(name), net::parse_cidr(address).value()));
  }
  void add_bridge(std::uint32_t mtu) {
    ASSERT_TRUE(nl::create_bridge(*socket_, "weave"));
    ASSERT_TRUE(nl::change_link(*socket_, index("weave"), {.up = true}));
    ASSERT_TRUE(nl::add_address(*socket_, index("weave"), net::parse_cidr("10.32.0.1/12").value()));
    ASSERT_TRUE(nl::change_link(*socket_, index("weave"), {.mtu = mtu}));
  }
  void add_port(const std::string& name, std::uint32_t mtu) {
    ASSERT_TRUE(nl::create_veth(*socket_, {.name = name, .mtu = mtu}, {.name = "p-" + name}));
    ASSERT_TRUE(nl::change_link(*socket_, index(name), {.master = index("weave"), .up = true}));
  }
  static void add_default(const std::string& way) {
    ASSERT_EQ(std::system(("ip route add default " + way).c_str()), 0);
  }
  int index(const std::string& name) { return nl::require_link(*socket_, name)->index; }
  std::uint32_t found() {
    const auto mtu = find_pods_mtu(*socket_, "weave", {"vethwe-tap", "vethwe-bridge"}, overhead_);
    EXPECT_TRUE(mtu) << mtu.error().message();
    return mtu ? mtu->mtu : 0;
  }

  std::optional<nl::Socket> socket_;
  std::uint32_t overhead_ = 86;
};

TEST_F(PodsMtuTest, DependsOnWhatTheOverlaysAdd) {
  add_device("eth0", "192.0.2.1/24", 1500);
  add_default("via 192.0.2.254");
  EXPECT_EQ(found(), 1412U);
  overhead_ = 50;
  EXPECT_EQ(found(), 1448U);
  overhead_ = 0;
  EXPECT_EQ(found(), 1376U) << "Weave Net's, as long as no overlay runs";
}

TEST_F(PodsMtuTest, IsWhatTheUnderlayCarriesLessTheOverlaysHeaders) {
  add_device("eth0", "192.0.2.1/24", 1500);
  EXPECT_EQ(found(), 1412U);
  ASSERT_TRUE(nl::change_link(*socket_, index("eth0"), {.mtu = 9001}));
  EXPECT_EQ(found(), 8912U);
  ASSERT_TRUE(nl::change_link(*socket_, index("eth0"), {.mtu = 576}));
  EXPECT_EQ(found(), smallest_mtu);
}

TEST_F(PodsMtuTest, ComesFromTheDefaultRoutesDevice) {
  add_device("storage", "198.51.100.1/24", 1400);
  add_device("eth0", "192.0.2.1/24", 9000);
  EXPECT_EQ(found(), 1312U) << "without a default route, the smallest";
  ASSERT_TRUE(nl::add_route(*socket_, {.destination = net::parse_cidr("0.0.0.0/0").value(),
                                       .link = index("eth0"),
                                       .gateway = net::parse_ip("192.0.2.254").value()}));
  EXPECT_EQ(found(), 8912U);
}

TEST_F(PodsMtuTest, ComesFromTheDefaultRouteThatIsUsed) {
  add_device("wg0", "198.51.100.1/24", 1280);
  add_device("eth0", "192.0.2.1/24", 1500);
  add_default("via 192.0.2.254 metric 100");
  EXPECT_EQ(found(), 1412U);
  add_default("via 198.51.100.254 metric 200");
  EXPECT_EQ(found(), 1412U) << "a backup counts only when it is used";
}

TEST_F(PodsMtuTest, IsWhatTheRouteCarriesIfThatIsLess) {
  add_device("eth0", "192.0.2.1/24", 1500);
  add_default("via 192.0.2.254 mtu 1400");
  EXPECT_EQ(found(), 1312U);
}

TEST_F(PodsMtuTest, IsTheLeastOfSeveralNextHopsAndOfNoOtherDevice) {
  add_device("wg0", "203.0.113.1/24", 1280);
  add_device("eth0", "192.0.2.1/24", 1500);
  add_device("eth1", "198.51.100.1/24", 1450);
  add_default("nexthop via 192.0.2.254 nexthop via 198.51.100.254");
  EXPECT_EQ(found(), 1364U);
}

TEST_F(PodsMtuTest, ComesFromAnIpv6UnderlayWhereThereIsNoOther) {
  add_device("eth0", "2001:db8::1/64", 1500);
  EXPECT_EQ(found(), 1392U);
}

TEST_F(PodsMtuTest, IsTheUsualOneWithoutAnyNetwork) {
  EXPECT_EQ(found(), 1376U);
}

TEST_F(PodsMtuTest, IsNotThatOfABridgeWithoutPods) {
  add_device("eth0", "192.0.2.1/24", 1500);
  add_bridge(1376);
  add_port("vethwe-bridge", 1376);
  EXPECT_EQ(found(), 1412U);
}

TEST_F(PodsMtuTest, StaysThatOfThePodsThatAreThere) {
  add_device("eth0", "192.0.2.1/24", 1500);
  add_bridge(1376);
  add_port("vethwepl1", 1376);
  EXPECT_EQ(found(), 1376U);
}

/// A VPN beside the default route decides only when a peer is behind it.
TEST_F(PodsMtuTest, IsTheLeastThatTheRoutesToPeersCarry) {
  add_device("wg0", "203.0.113.1/24", 1280);
  add_device("eth0", "192.0.2.1/24", 1500);
  add_default("via 192.0.2.254");
  const auto to = [](std::initializer_list<const char*> texts) {
    std::vector<net::IpAddress> peers;
    for (const char* const text : texts) {
      peers.push_back(net::parse_ip(text).value());
    }
    return mtu_of_routes_to(peers, 86);
  };

  EXPECT_EQ(to({"192.0.2.2", "198.51.100.7"})->mtu, 1412U);
  EXPECT_EQ(to({"192.0.2.2", "203.0.113.9"}),
            (PodsMtu{1192, "the route to 203.0.113.9 carries 1280"}));
  EXPECT_EQ(to({"192.0.2.1", "192.0.2.2"})->mtu, 1412U) << "this node itself counts for nothing";
  EXPECT_EQ(to({"192.0.2.1"}), std::nullopt);
  EXPECT_EQ(to({"2001:db8::1"}), std::nullopt) << "unreachable";
  EXPECT_EQ(to({}), std::nullopt);
}

}  // namespace
}  // namespace weft::bridge
