/// Messages between weft-cni and the daemon.

#include "exchange.hpp"

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

TEST(PodRequest, SurvivesTheWire) {
  const PodRequest request{"a1b2c3",     "eth0",     net::parse_cidr("10.40.0.0/16").value(),
                           std::nullopt, UINT64_MAX, true};

  EXPECT_EQ(parse_pod_request(to_json(request)).value(), request);
}

TEST(PodRequest, RefusesContainerIdsThatCniRefuses) {
  EXPECT_TRUE(parse_pod_request(R"({"container_id":"a.b_c-1"})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":"weave:expose"})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":"../x"})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":""})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":7})"));
  EXPECT_FALSE(parse_pod_request("{}"));
}

TEST(PodRequest, RefusesInterfacesAndAttemptsThatAreNone) {
  EXPECT_FALSE(parse_pod_request(R"({"container_id":"a","ifname":"a/b"})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":"a","ifname":"eth%d"})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":"a","ifname":7})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":"a","attempt":-1})"));
  EXPECT_FALSE(parse_pod_request(R"({"container_id":"a","attempt":"1"})"));
}

TEST(PodRequest, RefusesWhatIsNoObject) {
  for (const char* const text : {"", "[]", "{", "null", "{\"container_id\":\"a\"}x"}) {
    EXPECT_FALSE(parse_pod_request(text)) << text;
  }
}

TEST(PodNetwork, SurvivesTheWire) {
  const PodNetwork network{net::parse_cidr("10.32.0.1/12").value(),
                           net::parse_ip("10.32.0.0").value(),
                           1376,
                           "weave",
                           true,
                           9};

  EXPECT_EQ(
      to_json(network),
      R"({"address":"10.32.0.1/12","attempt":9,"bridge":"weave","gateway":"10.32.0.0","guard":true,)"
      R"("mtu":1376})");
  EXPECT_EQ(parse_pod_network(to_json(network)).value(), network);
}

TEST(PodNetwork, MayLackAddressAndGateway) {
  EXPECT_EQ(parse_pod_network(R"({"mtu":1376,"bridge":"weave"})").value(),
            (PodNetwork{std::nullopt, std::nullopt, 1376, "weave", false}));
  EXPECT_FALSE(parse_pod_network(R"({"mtu":-1,"bridge":"weave"})"));
  EXPECT_FALSE(parse_pod_network(R"({"mtu":1376,"address":"nonsense"})"));
}

TEST(PodPort, SurvivesTheWire) {
  const PodPort port{"vethwepl0123456",
                     net::parse_mac("02:00:00:00:00:07").value(),
                     {net::parse_ip("10.32.0.7").value(), net::parse_ip("fd00::7").value()},
                     false};

  EXPECT_EQ(to_json(port), R"({"addresses":["10.32.0.7","fd00::7"],"guard":false,)"
                           R"("mac":"02:00:00:00:00:07","port":"vethwepl0123456"})");
  EXPECT_EQ(parse_pod_port(to_json(port)).value(), port);
}

TEST(PodPort, RefusesWhatItCannotGuard) {
  EXPECT_FALSE(parse_pod_port(R"({"port":"p","addresses":[]})"));
  EXPECT_FALSE(parse_pod_port(R"({"port":"p","mac":"nonsense","addresses":[]})"));
  EXPECT_FALSE(parse_pod_port(R"({"port":"p","mac":"02:00:00:00:00:07"})"));
  EXPECT_FALSE(parse_pod_port(R"({"port":"p","mac":"02:00:00:00:00:07","addresses":[7]})"));
  EXPECT_FALSE(
      parse_pod_port(R"({"port":"p","mac":"02:00:00:00:00:07","addresses":[],"guard":1})"));
}

}  // namespace
}  // namespace weft::cni
