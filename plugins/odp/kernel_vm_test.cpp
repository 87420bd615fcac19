/// The datapath in a real kernel: ports, flows, and what an earlier run left.

#include <gtest/gtest.h>
#include <sched.h>

#include <weft/netlink/link.hpp>

#include "kernel.hpp"
#include "tunnel_ports.hpp"

namespace weft::odp {
namespace {

const MacPair macs{net::Mac::from_value(0x020000000011), net::Mac::from_value(0x020000000022)};
const FlowKey captured{1, std::nullopt, macs};
const FlowKey received{2, Tunnel{0x123456, 0x0a000001, 0x0a000002}, macs};
const FlowKey relayed{2, Tunnel{0x654321, 0x0a000001, 0x0a000002}, std::nullopt};

/// Each test has a network namespace, and with it datapaths, of its own.
class OdpKernelTest : public ::testing::Test {
 protected:
  OdpKernelTest() { EXPECT_EQ(unshare(CLONE_NEWNET), 0); }

  static Kernel open() {
    auto kernel = Kernel::open("datapath");
    EXPECT_TRUE(kernel) << kernel.error().message();
    return *std::move(kernel);
  }
  static PortNumber add_tunnel(Kernel& kernel, std::uint16_t port = 6784) {
    const auto tunnel = TunnelPorts::open(kernel, port)->ensure_own();
    EXPECT_TRUE(tunnel) << tunnel.error().message();
    return tunnel ? tunnel->number : 0;
  }
  static Result<> apply(Kernel& kernel, const FlowChange& change) {
    return kernel.apply({&change, 1}).front();
  }
  static Result<> put(Kernel& kernel, const FlowKey& key, Actions actions) {
    return apply(kernel, {key, std::move(actions)});
  }
  static void add_veth() {
    auto socket = nl::Socket::open(NETLINK_ROUTE);
    ASSERT_TRUE(socket);
    ASSERT_TRUE(nl::create_veth(*socket, {.name = "near"}, {.name = "far"}));
  }
};

TEST_F(OdpKernelTest, NumbersPortsAsReportsOfTheOriginalShowThem) {
  Kernel kernel = open();
  add_veth();
  EXPECT_EQ(add_tunnel(kernel), 2U);
  EXPECT_EQ(kernel.ensure_vport({.number = 1, .name = "far"}).value_or(0), 1U);

  const auto ports = TunnelPorts::open(kernel, 6784)->vports();
  ASSERT_TRUE(ports);
  ASSERT_EQ(ports->size(), 3U);
  EXPECT_EQ((*ports)[0].name, "datapath");
  EXPECT_EQ((*ports)[0].type, Vport::Type::internal);
  EXPECT_EQ((*ports)[1].name, "far");
  EXPECT_EQ((*ports)[2].name, "vxlan-6784");
  EXPECT_EQ((*ports)[2].type, Vport::Type::vxlan);
  EXPECT_EQ((*ports)[2].udp_port, 6784);
}

TEST_F(OdpKernelTest, TakesAnotherNumberWhenItsOwnIsTaken) {
  Kernel kernel = open();
  EXPECT_EQ(add_tunnel(kernel, 6784), 2U);
  EXPECT_EQ(add_tunnel(kernel, 6884), 1U);
}

TEST_F(OdpKernelTest, ReadsBackEveryKindOfFlow) {
  Kernel kernel = open();
  add_veth();
  add_tunnel(kernel);
  ASSERT_TRUE(kernel.ensure_vport({.number = 1, .name = "far"}));
  const Actions to_tunnel{SetTunnel{{0x123456, 0x0a000002, 0x0a000003}}, Output{2}};
  const Actions limited{CheckLength{1390, UINT32_MAX}, to_tunnel[0], to_tunnel[1]};
  ASSERT_TRUE(kernel.can_check_length());
  ASSERT_TRUE(put(kernel, captured, limited));
  ASSERT_TRUE(put(kernel, received, {Output{1}}));
  ASSERT_TRUE(put(kernel, relayed, to_tunnel));
  ASSERT_TRUE(put(kernel, {.in_port = 3}, {}));  // drops

  const auto flows = kernel.dump();
  ASSERT_TRUE(flows);
  EXPECT_EQ(flows->size(), 4U);
  for (const KernelFlow& flow : *flows) {
    EXPECT_TRUE(flow.is_plain) << describe_keys(flow).front();
    if (flow.key == captured || flow.key == relayed) {
      EXPECT_EQ(flow.actions, flow.key == captured ? limited : to_tunnel);
    } else if (flow.key == received) {
      EXPECT_EQ(flow.actions, Actions{Output{1}});
    } else {
      EXPECT_EQ(flow.key, FlowKey{.in_port = 3});
      EXPECT_TRUE(flow.actions.empty());
    }
  }
}

TEST_F(OdpKernelTest, ReplacesActionsOfAFlowAndDeletesIt) {
  Kernel kernel = open();
  ASSERT_TRUE(put(kernel, captured, {Output{2}}));
  ASSERT_TRUE(put(kernel, captured, {Output{3}}));
  auto flows = kernel.dump();
  ASSERT_TRUE(flows);
  ASSERT_EQ(flows->size(), 1U);
  EXPECT_EQ(flows->front().actions, Actions{Output{3}});

  EXPECT_TRUE(apply(kernel, {captured, std::nullopt}));
  EXPECT_TRUE(apply(kernel, {captured, std::nullopt}));
  flows = kernel.dump();
  ASSERT_TRUE(flows);
  EXPECT_TRUE(flows->empty());
}

TEST_F(OdpKernelTest, SaysOfEachChangeWhatBecameOfIt) {
  Kernel kernel = open();
  std::vector<FlowChange> changes;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const MacPair pair{net::Mac::from_value(0x020000000000 + i), macs.destination};
    // A port that no datapath can have is refused.
    changes.push_back({{1, std::nullopt, pair}, Actions{Output{i % 3 == 0 ? 70000U : 2U}}});
  }
  changes.push_back({relayed, std::nullopt});  // there is none
  const auto outcomes = kernel.apply(changes);
  ASSERT_EQ(outcomes.size(), changes.size());
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(outcomes[i].has_value(), i % 3 != 0);
  }
  EXPECT_TRUE(outcomes.back());
  const auto flows = kernel.dump();
  ASSERT_TRUE(flows);
  EXPECT_EQ(flows->size(), 133U);
}

TEST_F(OdpKernelTest, FindsWhatAnEarlierRunLeft) {
  int index = 0;
  {
    Kernel earlier = open();
    add_tunnel(earlier);
    ASSERT_TRUE(put(earlier, captured, {Output{2}}));
    index = earlier.index();
  }
  Kernel kernel = open();
  EXPECT_EQ(kernel.index(), index);
  EXPECT_EQ(add_tunnel(kernel), 2U);
  const auto flows = kernel.dump();
  ASSERT_TRUE(flows);
  ASSERT_EQ(flows->size(), 1U);
  EXPECT_EQ(flows->front().key, captured);
}

TEST_F(OdpKernelTest, DeletesADatapathThatNothingUses) {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  Kernel kernel = open();
  add_tunnel(kernel);
  ASSERT_TRUE(kernel.delete_if_empty());
  EXPECT_TRUE(nl::find_link(*socket, "datapath").value());

  ASSERT_TRUE(kernel.delete_vport(2));
  ASSERT_TRUE(kernel.delete_if_empty());
  EXPECT_FALSE(nl::find_link(*socket, "datapath").value());
}

TEST_F(OdpKernelTest, RefusesANameThatIsSomethingElse) {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  ASSERT_TRUE(nl::create_bridge(*socket, "datapath"));
  const auto kernel = Kernel::open("datapath");
  ASSERT_FALSE(kernel);
  EXPECT_NE(kernel.error().message().find("remove it"), std::string::npos)
      << kernel.error().message();
}

}  // namespace
}  // namespace weft::odp
