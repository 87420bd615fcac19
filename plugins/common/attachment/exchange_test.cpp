/// Messages between weft-cni and the daemon.

#include "exchange.hpp"

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

TEST(PodNetwork, SurvivesTheWire) {
  const PodNetwork network{
      {{net::parse_cidr("10.32.0.1/12").value(),
        net::parse_ip("10.32.0.0").value(),
        {default_route(net::Family::v4),
         {net::parse_cidr("10.0.0.0/8").value(), net::parse_ip("10.32.0.9").value()}}},
       {net::parse_cidr("fd00::1/64").value(), {}, {default_route(net::Family::v6)}}},
      1376,
      "weave",
      true,
      9};

  EXPECT_EQ(
      to_json(network),
      R"({"addresses":[{"address":"10.32.0.1/12","gateway":"10.32.0.0","routes":[{"dst":"0.0.0.0/0"},)"
      R"({"dst":"10.0.0.0/8","gw":"10.32.0.9"}]},{"address":"fd00::1/64","routes":[{"dst":"::/0"}]}],)"
      R"("attempt":9,"bridge":"weave","guard":true,"mtu":1376})");
  EXPECT_EQ(parse_pod_network(to_json(network)).value(), network);
}

TEST(PodNetwork, MayLackAddressesAndGateways) {
  EXPECT_EQ(parse_pod_network(R"({"mtu":1376,"bridge":"weave","addresses":[]})").value(),
            (PodNetwork{{}, 1376, "weave", false}));
  EXPECT_EQ(
      parse_pod_network(
          R"({"mtu":1376,"bridge":"weave","addresses":[{"address":"fd00::1/64","routes":[]}]})")
          .value(),
      (PodNetwork{{{net::parse_cidr("fd00::1/64").value(), {}, {}}}, 1376, "weave", false}));
}

TEST(PodNetwork, RefusesWhatIsNone) {
  EXPECT_FALSE(parse_pod_network(R"({"mtu":-1,"bridge":"weave","addresses":[]})"));
  for (const char* const addresses :
       {"7", "[7]", "[{}]", R"([{"address":"nonsense","routes":[]}])",
        R"([{"address":"10.32.0.1/12"}])", R"([{"address":"10.32.0.1/12","routes":[7]}])",
        R"([{"address":"10.32.0.1/12","routes":[{"dst":"x"}]}])",
        R"([{"address":"10.32.0.1/12","routes":[{"dst":"10.0.0.0/8","gw":"x"}]}])"}) {
    EXPECT_FALSE(parse_pod_network(std::string(R"({"mtu":1,"addresses":)") + addresses + "}"))
        << addresses;
  }
}

events::PodAttached attached_pod() {
  return {"a1b2c3",
          "eth0",
          "vethwepl0123456",
          net::parse_mac("02:00:00:00:00:07").value(),
          net::parse_mac("02:00:00:00:00:08").value(),
          {net::parse_cidr("10.32.0.7/12").value(), net::parse_cidr("fd00::7/64").value()},
          "/var/run/netns/x",
          {"default", "web-1", "0f"}};
}

TEST(AttachedPod, SurvivesTheDisk) {
  const events::PodAttached pod = attached_pod();

  EXPECT_EQ(parse_attached_pods(to_json(std::vector{pod, pod})).value(), (std::vector{pod, pod}));
  EXPECT_EQ(pod.key(), "a1b2c3/eth0");
  EXPECT_EQ(pod.text(),
            "a1b2c3/eth0 (default/web-1) at vethwepl0123456, 02:00:00:00:00:07, 10.32.0.7/12, "
            "fd00::7/64");
}

TEST(AttachedPod, MayBeOfAnotherRuntimeThanKubernetes) {
  const auto pods = parse_attached_pods(
      R"([{"container_id":"a","ifname":"eth0","port":"p","mac":"02:00:00:00:00:07",)"
      R"("port_mac":"02:00:00:00:00:08","addresses":[]}])");

  ASSERT_EQ(pods.value().size(), 1U);
  EXPECT_EQ(pods->front().kubernetes, events::KubernetesPod{});
  EXPECT_EQ(pods->front().text(), "a/eth0 at p, 02:00:00:00:00:07");
}

TEST(AttachedPod, RefusesWhatNamesNoPort) {
  const std::string pod = to_json(attached_pod());
  for (const auto& [good, bad] :
       std::vector<std::pair<std::string, std::string>>{{"a1b2c3", "../x"},
                                                        {"vethwepl0123456", "a/b"},
                                                        {"02:00:00:00:00:08", "x"},
                                                        {"10.32.0.7/12", "x"},
                                                        {"\"web-1\"", "7"}}) {
    std::string text = pod;
    text.replace(text.find(good), good.size(), bad);
    EXPECT_FALSE(parse_attached_pods("[" + text + "]")) << text;
  }
  EXPECT_FALSE(parse_attached_pods("{}"));
  EXPECT_FALSE(parse_attached_pods("[7]"));
}

}  // namespace
}  // namespace weft::cni
