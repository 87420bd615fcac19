/// The interfaces that stand in for tunnel ports, in this machine's kernel.

#include "tunnel_device.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <weft/unique_fd.hpp>

namespace weft::odp {
namespace {

constexpr std::uint16_t port = 6784;

nl::Link tunnel_link() {
  nl::Link link;
  link.name = "vxlan-6784";
  link.kind = "vxlan";
  link.vxlan = nl::Vxlan{port, true, false};
  return link;
}

TEST(TunnelDevice, IsKnownByItsNameAndWhatItDoes) {
  EXPECT_TRUE(is_tunnel_device(tunnel_link()));

  nl::Link link = tunnel_link();
  link.name = "vxlan_sys_6784";  // Open vSwitch's daemon's
  EXPECT_FALSE(is_tunnel_device(link));
  link = tunnel_link();
  link.vxlan->udp_port = 4789;
  EXPECT_FALSE(is_tunnel_device(link));
  link = tunnel_link();
  link.vxlan->is_external = false;
  EXPECT_FALSE(is_tunnel_device(link));
  link = tunnel_link();
  link.vxlan->is_learning = true;  // would drop heartbeats
  EXPECT_FALSE(is_tunnel_device(link));
  link = tunnel_link();
  link.vxlan.reset();
  EXPECT_FALSE(is_tunnel_device(link));
}

/// Each test has a network namespace of its own.
class TunnelDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    auto opened = nl::Socket::open(NETLINK_ROUTE);
    ASSERT_TRUE(opened) << opened.error().message();
    routes_.emplace(*std::move(opened));
  }

  [[nodiscard]] nl::Link link() { return nl::require_link(*routes_, "vxlan-6784").value(); }
  /// A VXLAN interface as others make it.
  [[nodiscard]] Result<> make_vxlan(const std::string& name, bool external, bool learning) {
    nl::Message message{RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
    auto& info = message.extra_header<ifinfomsg>();
    info.ifi_flags = IFF_UP;
    info.ifi_change = IFF_UP;
    message.put_text(IFLA_IFNAME, name);
    message.nest(IFLA_LINKINFO, [&] {
      message.put_text(IFLA_INFO_KIND, "vxlan");
      message.nest(IFLA_INFO_DATA, [&] {
        message.put_number(IFLA_VXLAN_LEARNING, std::uint8_t{learning});
        if (external) {
          message.put_number(IFLA_VXLAN_COLLECT_METADATA, std::uint8_t{1});
        } else {
          message.put_number(IFLA_VXLAN_ID, std::uint32_t{1});
        }
        message.put_number(IFLA_VXLAN_PORT, htons(port));
      });
    });
    return routes_->request(message, "create another VXLAN interface");
  }
  [[nodiscard]] std::string refusal() {
    const auto refused = ensure_tunnel_device(*routes_, port);
    EXPECT_FALSE(refused);
    return refused ? "" : refused.error().message();
  }

  std::optional<nl::Socket> routes_;
};

TEST_F(TunnelDeviceTest, IsMadeOnceAndFoundAgain) {
  const auto made = ensure_tunnel_device(*routes_, port);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_TRUE(made->is_new);
  EXPECT_TRUE(is_tunnel_device(link()));
  EXPECT_TRUE(link().is_up);
  EXPECT_EQ(link().mtu, 65535U);

  const auto found = ensure_tunnel_device(*routes_, port);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_FALSE(found->is_new);
  EXPECT_EQ(found->index, made->index);
}

TEST_F(TunnelDeviceTest, BringsUpOneThatAnotherMade) {
  ASSERT_TRUE(make_vxlan("vxlan-6784", true, false));
  ASSERT_TRUE(nl::change_link(*routes_, link().index, {.up = false}));
  ASSERT_TRUE(ensure_tunnel_device(*routes_, port));
  EXPECT_TRUE(link().is_up);
  EXPECT_EQ(link().mtu, 65535U);
}

TEST_F(TunnelDeviceTest, NamesWhatHasItsNameAndSaysHowToMendThat) {
  ASSERT_TRUE(nl::create_bridge(*routes_, "vxlan-6784"));
  const std::string message = refusal();
  EXPECT_NE(message.find("'vxlan-6784' (bridge)"), std::string::npos) << message;
  EXPECT_NE(message.find("ip link delete vxlan-6784"), std::string::npos) << message;
}

TEST_F(TunnelDeviceTest, NamesOneThatLearns) {
  ASSERT_TRUE(make_vxlan("vxlan-6784", true, true));
  const std::string message = refusal();
  EXPECT_NE(message.find("learning"), std::string::npos) << message;
}

TEST_F(TunnelDeviceTest, NamesOneThatIsAPortOfSomethingElse) {
  ASSERT_TRUE(make_vxlan("vxlan-6784", true, false));
  ASSERT_TRUE(nl::create_bridge(*routes_, "br0"));
  const nl::Link bridge = nl::require_link(*routes_, "br0").value();
  ASSERT_TRUE(nl::change_link(*routes_, link().index, {.master = bridge.index}));
  const std::string message = refusal();
  EXPECT_NE(message.find("a port of another"), std::string::npos) << message;
}

TEST_F(TunnelDeviceTest, NamesTheInterfaceThatHasItsPort) {
  for (const bool external : {false, true}) {
    ASSERT_TRUE(make_vxlan("flannel.1", external, false));
    const std::string message = refusal();
    EXPECT_NE(message.find("ip link delete flannel.1"), std::string::npos) << message;
    const nl::Link rival = nl::require_link(*routes_, "flannel.1").value();
    ASSERT_TRUE(nl::delete_link(*routes_, rival.index));
  }
  EXPECT_FALSE(nl::find_link(*routes_, "vxlan-6784").value());
}

TEST_F(TunnelDeviceTest, SaysThatAProgramHasItsPort) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  const std::string message = refusal();
  EXPECT_NE(message.find("another program has UDP 6784"), std::string::npos) << message;
}

}  // namespace
}  // namespace weft::odp
