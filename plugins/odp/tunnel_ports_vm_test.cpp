/// Tunnel ports in a real datapath: which a connection gets, and when they go.

#include "tunnel_ports.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testing/datapath.hpp"

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

  [[nodiscard]] std::vector<std::string> names() {
    std::vector<std::string> names;
    const std::vector<Vport> ports = kernel_.vports().value();
    for (const Vport& port : ports) {
      names.push_back(port.name);
    }
    std::ranges::sort(names);  // the bridge's number is free
    return names;
  }
  using Names = std::vector<std::string>;

  Kernel kernel_ = open_datapath();
  TunnelPorts ports_{kernel_, own_port};
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
  TunnelPorts successor(kernel_, own_port);  // another run finds them

  ASSERT_TRUE(successor.remove_unused([&](PortNumber port) { return port == used.number; }));
  EXPECT_EQ(names(), (Names{"datapath", "vxlan-6784", "vxlan-7784"}));

  ASSERT_TRUE(successor.remove_unused([](PortNumber) { return false; }));
  EXPECT_EQ(names(), (Names{"datapath", "vxlan-6784"}));

  EXPECT_TRUE(ports_.ensure_for(dialled(7783)));  // its UDP port is free again at once
}

}  // namespace
}  // namespace weft::odp
