/// Tunnel ports in a real datapath: which a connection gets, and when they go.

#include "tunnel_ports.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testing/datapath.hpp"
#include "tunnel_device.hpp"

namespace weft::odp {
namespace {

constexpr std::uint16_t own_port = 6784;

OverlayLink dialled(std::uint16_t port) {
  OverlayLink link;
  link.outbound = true;
  link.remote_address.port = port;
  return link;
}

class TunnelPortsTest : public testing::DatapathTest {
 protected:
  TunnelPortsTest() { EXPECT_TRUE(ports_.ensure_own()); }

  [[nodiscard]] static std::vector<std::string> names(TunnelPorts& of) {
    std::vector<std::string> names;
    const std::vector<Vport> ports = of.vports().value();
    for (const Vport& port : ports) {
      names.push_back(port.name);
    }
    std::ranges::sort(names);  // the bridge's number is free
    return names;
  }
  [[nodiscard]] std::vector<std::string> names() { return names(ports_); }
  using Names = std::vector<std::string>;

  /// A tunnel port as the other kind of kernel has it: an interface, added as a port.
  void add_device(std::uint16_t udp_port) {
    const std::string name = tunnel_name(udp_port);
    ASSERT_TRUE(nl::create_external_vxlan(*routes_, name, udp_port));
    ASSERT_TRUE(kernel_.ensure_vport({.name = name}));
  }
  [[nodiscard]] int interface_of(std::uint16_t udp_port) {
    const auto link = nl::find_link(*routes_, tunnel_name(udp_port)).value();
    return link ? link->index : 0;
  }

  Kernel kernel_ = open_datapath();
  TunnelPorts ports_ = *TunnelPorts::open(kernel_, own_port);
  std::optional<nl::Socket> routes_ = *nl::Socket::open(NETLINK_ROUTE);
};

TEST_F(TunnelPortsTest, FollowsThePortThatTheListenerWasDialledAt) {
  OverlayLink accepted;
  accepted.remote_address.port = 40000;
  EXPECT_EQ(ports_.ensure_for(accepted)->number, 2U);
  EXPECT_EQ(ports_.ensure_for(accepted)->udp_port, own_port);
  EXPECT_EQ(ports_.ensure_for(dialled(6783))->number, 2U);

  const auto elsewhere = ports_.ensure_for(dialled(7783));
  ASSERT_TRUE(elsewhere) << elsewhere.error().message();
  EXPECT_EQ(elsewhere->udp_port, 7784);
  EXPECT_EQ(names(), (Names{"datapath", "vxlan-6784", "vxlan-7784"}));
}

TEST_F(TunnelPortsTest, RemovesWhatNobodyUsesButItsOwn) {
  const Vport used = ports_.ensure_for(dialled(7783)).value();
  static_cast<void>(ports_.ensure_for(dialled(8783)).value());
  auto successor = *TunnelPorts::open(kernel_, own_port);  // another run finds them

  ASSERT_TRUE(successor.remove_unused([&](PortNumber port) { return port == used.number; }));
  EXPECT_EQ(names(), (Names{"datapath", "vxlan-6784", "vxlan-7784"}));

  ASSERT_TRUE(successor.remove_unused([](PortNumber) { return false; }));
  EXPECT_EQ(names(), (Names{"datapath", "vxlan-6784"}));

  EXPECT_EQ(interface_of(7784), 0);
  EXPECT_TRUE(ports_.ensure_for(dialled(7783)));  // its UDP port is free again at once
}

TEST_F(TunnelPortsTest, TakesOverAPortThatIsAnInterface) {
  add_device(7784);
  const int interface = interface_of(7784);

  const auto taken = ports_.ensure_for(dialled(7783));
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(taken->type, Vport::Type::vxlan);
  EXPECT_EQ(taken->udp_port, 7784);
  EXPECT_EQ(interface_of(7784), interface);  // the same one: no packet is lost

  ASSERT_TRUE(ports_.remove_unused([](PortNumber) { return false; }));
  EXPECT_EQ(interface_of(7784), 0);
  EXPECT_EQ(names(), (Names{"datapath", "vxlan-6784"}));
}

TEST_F(TunnelPortsTest, TakesBackAnInterfaceWhoseDatapathWasDeleted) {
  add_device(7784);
  const int interface = interface_of(7784);
  ASSERT_TRUE(delete_datapath(kernel_));
  Kernel again = open_datapath();
  auto ports = *TunnelPorts::open(again, own_port);

  ASSERT_TRUE(ports.ensure_own());
  ASSERT_TRUE(ports.ensure_for(dialled(7783)));
  EXPECT_EQ(names(ports), (Names{"datapath", "vxlan-6784", "vxlan-7784"}));
  EXPECT_EQ(interface_of(7784), interface);
}

TEST_F(TunnelPortsTest, NamesAnInterfaceThatIsInTheWay) {
  ASSERT_TRUE(nl::create_bridge(*routes_, "vxlan-7784"));
  const auto refused = ports_.ensure_for(dialled(7783));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message().find("ip link delete vxlan-7784"), std::string::npos)
      << refused.error().message();
}

TEST_F(TunnelPortsTest, NamesAnInterfaceThatHasThePort) {
  ASSERT_TRUE(nl::create_external_vxlan(*routes_, "flannel.1", 7784));
  const auto refused = ports_.ensure_for(dialled(7783));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message().find("ip link delete flannel.1"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(interface_of(7784), 0);
}

}  // namespace
}  // namespace weft::odp
