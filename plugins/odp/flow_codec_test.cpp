/// Flows to octets and back, against those of Weave Net's library.
#include "flow_codec.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/openvswitch.h>

#include <weft/testing/hex.hpp>

namespace weft::odp {
namespace {

struct OvsMessage {
  genlmsghdr generic;
  ovs_header datapath;
};
constexpr std::size_t headers = NLMSG_HDRLEN + sizeof(OvsMessage);

/// The octets under "## `title`" of dp-odp-netlink.txt, without message headers.
Bytes vector(const std::string& title) {
  std::ifstream input(WEFT_SOURCE_DIR "/tests/interop/vectors/dp-odp-netlink.txt");
  std::string line;
  bool is_wanted = false;
  while (std::getline(input, line)) {
    if (line.starts_with("## ")) {
      is_wanted = line.find(title) != std::string::npos;
    } else if (is_wanted && line.starts_with("hex=")) {
      const Bytes octets = weft::testing::from_hex(line.substr(4));
      return {octets.begin() + headers, octets.end()};
    }
  }
  ADD_FAILURE() << "no vector " << title;
  return {};
}

/// Clears the flag on nested attributes, which Weave Net does not set and the kernel ignores.
void clear_nested(std::span<std::byte> attributes) {
  while (attributes.size() >= sizeof(nlattr)) {
    auto& head = *reinterpret_cast<nlattr*>(attributes.data());
    if ((head.nla_type & NLA_F_NESTED) != 0) {
      head.nla_type &= NLA_TYPE_MASK;
      clear_nested(attributes.subspan(NLA_HDRLEN, head.nla_len - NLA_HDRLEN));
    }
    attributes =
        attributes.subspan(std::min<std::size_t>(NLA_ALIGN(head.nla_len), attributes.size()));
  }
}

Bytes payload(nl::Message& message) {
  const auto* const octets = reinterpret_cast<const std::byte*>(&message.header());
  Bytes result(octets + headers, octets + message.header().nlmsg_len);
  clear_nested(result);
  return result;
}

nl::Message make() {
  nl::Message message(0x23, 0);
  message.extra_header<OvsMessage>();
  return message;
}

const MacPair macs{*net::parse_mac("0a:75:b7:d0:31:58"), *net::parse_mac("d6:8d:31:c4:95:85")};
const Tunnel tunnel{0xade6da, 0xac120003, 0xac120002};
const FlowKey egress_key{1, std::nullopt, macs};
const Actions egress_actions{SetTunnel{tunnel}, Output{2}};
const FlowKey ingress_key{2, tunnel, macs};

TEST(FlowCodec, WritesAnEgressFlowAsTheOriginalDoes) {
  nl::Message message = make();
  put_key(message, egress_key);
  put_actions(message, OVS_FLOW_ATTR_ACTIONS, egress_actions);
  EXPECT_EQ(payload(message), vector("OVS_FLOW_CMD_NEW egress"));
}

TEST(FlowCodec, WritesAnIngressFlowAsTheOriginalDoes) {
  nl::Message message = make();
  put_key(message, ingress_key);
  put_actions(message, OVS_FLOW_ATTR_ACTIONS, {Output{1}});
  EXPECT_EQ(payload(message), vector("OVS_FLOW_CMD_NEW ingress"));
}

KernelFlow round_trip(const FlowKey& key, const Actions& actions) {
  nl::Message message = make();
  put_key(message, key);
  put_actions(message, OVS_FLOW_ATTR_ACTIONS, actions);
  return parse_flow(nl::AttributeReader(message.header(), sizeof(OvsMessage)));
}

TEST(FlowCodec, ReadsWhatItWrote) {
  for (const FlowKey& key :
       {egress_key, ingress_key, FlowKey{3, std::nullopt, std::nullopt}, FlowKey{2, tunnel, {}}}) {
    const KernelFlow flow = round_trip(key, egress_actions);
    EXPECT_TRUE(flow.is_plain);
    EXPECT_EQ(flow.key, key);
    EXPECT_EQ(flow.actions, egress_actions);
  }
}

TEST(FlowCodec, ReadsTheLengthCheckThatItWrote) {
  const Actions limited{CheckLength{1390, 4711}, SetTunnel{tunnel}, Output{2}};
  const KernelFlow flow = round_trip(egress_key, limited);
  EXPECT_TRUE(flow.is_plain);
  EXPECT_EQ(flow.actions, limited);
  EXPECT_EQ(describe_actions(limited).front(), "CheckLengthAction{max: 1390}");
}

TEST(FlowCodec, SetsApartALengthCheckThatDoesSomethingElse) {
  nl::Message message = make();
  put_key(message, egress_key);
  message.nest(OVS_FLOW_ATTR_ACTIONS, [&] {
    message.nest(OVS_ACTION_ATTR_CHECK_PKT_LEN, [&] {
      message.put_number(OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, std::uint16_t{1390});
      message.nest(OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER,
                   [&] { message.put_number(OVS_ACTION_ATTR_OUTPUT, std::uint32_t{1}); });
    });
  });
  EXPECT_FALSE(parse_flow(nl::AttributeReader(message.header(), sizeof(OvsMessage))).is_plain);
}

/// Weave Net writes a full mask over a zero key: a flow that nothing matches (defect F2).
TEST(FlowCodec, LeavesARelayedFlowsMacsWild) {
  nl::Message message = make();
  put_key(message, {2, tunnel, std::nullopt});
  const Bytes octets = payload(message);
  const Bytes tail = weft::testing::from_hex("1000040000000000000000000000000008000300ffffffff");
  ASSERT_GE(octets.size(), tail.size());
  EXPECT_TRUE(std::equal(tail.rbegin(), tail.rend(), octets.rbegin()));
}

TEST(FlowCodec, SetsApartAFlowThatMatchesMoreThanItCanSay) {
  nl::Message message = make();
  message.nest(OVS_FLOW_ATTR_KEY, [&] {
    message.put_number(OVS_KEY_ATTR_IN_PORT, std::uint32_t{1});
    message.put_number(OVS_KEY_ATTR_ETHERTYPE, std::uint16_t{8});
  });
  message.nest(OVS_FLOW_ATTR_MASK, [&] {
    message.put_number(OVS_KEY_ATTR_IN_PORT, UINT32_MAX);
    message.put_number(OVS_KEY_ATTR_ETHERTYPE, std::uint16_t{0xFFFF});
  });
  EXPECT_FALSE(parse_flow(nl::AttributeReader(message.header(), sizeof(OvsMessage))).is_plain);
}

TEST(FlowCodec, SpeaksOfFlowsAsTheOriginalsReportDoes) {
  KernelFlow flow;
  flow.key = ingress_key;
  flow.foreign.push_back({22, Bytes(4), Bytes(4)});
  EXPECT_EQ(describe_keys(flow),
            (std::vector<std::string>{
                "TunnelFlowKey{id: 0000000000ade6da, ipv4src: 172.18.0.3, ipv4dst: 172.18.0.2}",
                "InPortFlowKey{vport: 2}",
                "EthernetFlowKey{src: 0a:75:b7:d0:31:58, dst: d6:8d:31:c4:95:85}",
                "UnknownFlowKey{type: 22, key: 00000000, mask: 00000000}"}));
  EXPECT_EQ(describe_actions(egress_actions),
            (std::vector<std::string>{
                "SetTunnelAction{id: 0000000000ade6da, ipv4src: 172.18.0.3, ipv4dst: 172.18.0.2, "
                "ttl: 64, df: true}",
                "OutputAction{vport: 2}"}));
}

TEST(TunnelId, HoldsBothShortIds) {
  EXPECT_EQ(fastdp::tunnel_id(0x6da, 0xade), 0xade6daU);
  EXPECT_EQ(fastdp::tunnel_id(0xfff, 0xfff), 0xffffffU);
  EXPECT_EQ(fastdp::source_of(0xade6da), 0x6da);
  EXPECT_EQ(fastdp::destination_of(0xade6da), 0xade);
}

}  // namespace
}  // namespace weft::odp
