/// Names, addresses and files of a lab, before anything is made.

#include <gtest/gtest.h>

#include "plan.hpp"
#include "runtime/config/node_config.hpp"

namespace weft::lab {
namespace {

TEST(LabPlan, GivesEveryNodeItsOwnNameAndAddresses) {
  const auto plan = plan_lab({});

  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->nodes.size(), 3U);
  EXPECT_EQ(plan->nodes[1].netns, "weft-lab-node2");
  EXPECT_EQ(plan->nodes[1].peer_name, "02:00:00:00:99:02");
  EXPECT_EQ(plan->nodes[1].ipv4, "10.99.0.12");
  EXPECT_EQ(plan->nodes[1].ipv6, "fd77:6566:7400::c");
  EXPECT_EQ(plan->gateway4, "10.99.0.1");
  EXPECT_EQ(plan->find_node("node3"), &plan->nodes[2]);
  EXPECT_EQ(plan->find_node("node4"), nullptr);
}

TEST(LabPlan, RefusesWhatWouldReachOutsideTheLab) {
  LabOptions options;
  for (const char* name : {"", "a-b", "../x", "UP", "averylonglabname1"}) {
    options.name = name;
    EXPECT_FALSE(plan_lab(options)) << name;
  }
  for (const char* pod : {"", "a/b", "node1", ".."}) {
    EXPECT_FALSE(check_pod_name(pod)) << pod;
  }
  EXPECT_TRUE(check_pod_name("web-1"));
  for (const unsigned nodes : {0U, 33U}) {
    options = {};
    options.nodes = nodes;
    EXPECT_FALSE(plan_lab(options));
  }
  for (const char* underlay : {"10.99.0.1/24", "10.99.0.0/30", "fd00::/64", "x"}) {
    options = {};
    options.underlay = underlay;
    EXPECT_FALSE(plan_lab(options)) << underlay;
  }
  for (const char* overlay : {"", "a\"b", "../x"}) {
    options = {};
    options.overlay = overlay;
    EXPECT_FALSE(plan_lab(options)) << overlay;
  }
}

TEST(LabPlan, NodesLoadTheChosenOverlayInsteadOfSleeve) {
  LabOptions options;
  options.overlay = "udp-overlay";
  const auto plan = plan_lab(options);
  ASSERT_TRUE(plan);

  const std::string text =
      node_config(*plan, plan->nodes[0], {"/x/weftd", "/x/weft-cni", "/x/plugins", "/x"}, "");

  EXPECT_NE(text.find("\"udp-overlay\""), std::string::npos);
  EXPECT_EQ(text.find("sleeve"), std::string::npos);
}

TEST(LabPlan, NodesLoadMorePluginsFromWhereTheyAre) {
  LabOptions options;
  options.plugins = {"/home/me/peer-log/build/peer-log.so"};
  const auto plan = plan_lab(options);
  ASSERT_TRUE(plan);

  const std::string text =
      node_config(*plan, plan->nodes[0], {"/x/weftd", "/x/weft-cni", "/x/plugins", "/x"}, "");

  EXPECT_NE(text.find("\"cni\", \"peer-log\"]"), std::string::npos) << text;
  EXPECT_NE(text.find("plugin-path = [\"/home/me/peer-log/build\", \"/x/plugins\"]"),
            std::string::npos);
}

TEST(LabPlan, RefusesWhatIsNoPluginFile) {
  for (const char* file : {"", "peer-log.so", "/x/peer-log", "/x/.so", "/x/a\"b/c.so"}) {
    LabOptions options;
    options.plugins = {file};
    EXPECT_FALSE(plan_lab(options)) << file;
  }
}

TEST(LabPlan, WritesAConfigurationThatWeftdAccepts) {
  const auto plan = plan_lab({});
  const std::string text =
      node_config(*plan, plan->nodes[0], {"/x/weftd", "/x/weft-cni", "/x/plugins", "/x"}, "/p");

  const auto config = config::parse_node_config(text, "weft.toml");

  ASSERT_TRUE(config) << config.error().front().to_string();
  EXPECT_EQ(config->host.nickname, "node1");
  EXPECT_EQ(config->host.control_socket, "/run/weft-lab/lab/node1/weft.sock");
  EXPECT_NE(text.find(R"(peers = ["10.99.0.12", "10.99.0.13"])"), std::string::npos);
  EXPECT_NE(text.find("password-file = \"/p\""), std::string::npos);
}

TEST(LabPlan, ContainerIdsDifferInTheirFirstSevenDigits) {
  const auto plan = plan_lab({});

  EXPECT_EQ(container_id(*plan, "web").size(), 16U);
  EXPECT_NE(container_id(*plan, "p1").substr(0, 7), container_id(*plan, "p2").substr(0, 7));
}

}  // namespace
}  // namespace weft::lab
