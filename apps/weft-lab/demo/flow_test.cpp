/// Flows of a report and frames of a capture, as the fast path's steps judge them.

#include <gtest/gtest.h>

#include "capture.hpp"
#include "flow.hpp"

namespace weft::lab {

using namespace console;

namespace {

const std::string key = "InPortFlowKey{vport: 1}";
const std::string action = "OutputAction{vport: 2}";

Json flow(std::vector<std::string> keys, std::vector<std::string> actions, unsigned packets) {
  return Json{{"FlowKeys", keys},
              {"Actions", actions},
              {"Packets", packets},
              {"Bytes", packets * 98},
              {"Used", 7}};
}

TEST(DemoFlow, HoldsWhateverTheKernelsTrackingAdds) {
  const Json flows{flow({"UnknownFlowKey{type: 22, key: 00, mask: 00}", key}, {action}, 3)};

  EXPECT_TRUE(check_flow(flows, {{key}, {action}}).ok);
}

TEST(DemoFlow, RefusesOtherKeysOtherActionsAndIdleFlows) {
  const FlowText wanted{{key}, {action}};

  EXPECT_FALSE(check_flow(Json{flow({key, "InPortFlowKey{vport: 9}"}, {action}, 3)}, wanted).ok);
  EXPECT_FALSE(
      check_flow(Json{flow({"UnknownFlowKey{type: 3, key: 00}", key}, {action}, 3)}, wanted).ok);
  EXPECT_FALSE(check_flow(Json{flow({key}, {action, action}, 3)}, wanted).ok);
  EXPECT_FALSE(check_flow(Json{flow({key}, {action}, 0)}, wanted).ok);
  EXPECT_FALSE(check_flow(Json::array(), wanted).ok);
}

TEST(DemoFlow, PutsTheSendersShortIdIntoTheLowBits) {
  EXPECT_EQ(tunnel_id(0x6da, 0xade), "0000000000ade6da");  // of a live Weave Net
}

/// An Ethernet header and an IPv4 header without options, the payload's length counted in.
std::vector<std::byte> ipv4_frame(std::uint8_t protocol, std::uint8_t host,
                                  const std::vector<std::byte>& payload) {
  std::vector<std::byte> frame(34);
  frame[12] = std::byte{0x08};
  frame[14] = std::byte{0x45};
  frame[17] = static_cast<std::byte>(20 + payload.size());
  frame[23] = std::byte{protocol};
  for (const std::size_t address : {26, 30}) {
    frame[address] = std::byte{10};
    frame[address + 3] = std::byte{host};
    host = static_cast<std::uint8_t>(host + 1);
  }
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

std::vector<std::byte> tunnelled(std::uint8_t icmp_type) {
  std::vector<std::byte> icmp(64);
  icmp[0] = std::byte{icmp_type};
  icmp[7] = std::byte{5};
  std::vector<std::byte> datagram(16);
  datagram[0] = std::byte{0xBB};  // from port 48052 to 6784
  datagram[1] = std::byte{0xB4};
  datagram[2] = std::byte{0x1A};
  datagram[3] = std::byte{0x80};
  const auto inner = ipv4_frame(1, 50, icmp);
  datagram.insert(datagram.end(), inner.begin(), inner.end());
  return ipv4_frame(17, 1, datagram);
}

TEST(DemoCapture, FindsThePingInsideTheTunnel) {
  const auto ping = parse_tunnelled_ping(tunnelled(0));

  ASSERT_TRUE(ping);
  EXPECT_TRUE(ping->is_reply);
  EXPECT_EQ(ping->sequence, 5U);
  EXPECT_EQ(ping->from, "10.0.0.1");
  EXPECT_EQ(ping->to, "10.0.0.2");
  EXPECT_EQ(ping->source_port, 48052U);
  EXPECT_EQ(ping->port, 6784U);
  EXPECT_EQ(ping->udp_octets, 106U);
}

TEST(DemoCapture, PassesOverEverythingElse) {
  const auto frame = tunnelled(8);
  ASSERT_TRUE(parse_tunnelled_ping(frame));
  EXPECT_FALSE(parse_tunnelled_ping(tunnelled(3)));  // an error, not an echo
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(parse_tunnelled_ping(std::span(frame).first(size))) << size;
  }
}

}  // namespace
}  // namespace weft::lab
