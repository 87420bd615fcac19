/// The host's networks in a real kernel, compared with the pods'.

#include "address_plan.hpp"

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include <weft/netlink/link.hpp>
#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "shell.hpp"

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;
using weft::testing::run;

net::Cidr cidr(const char* text) {
  return net::parse_cidr(text).value();
}

class AddressPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0) {  // before the loop's thread starts, which inherits it
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    ASSERT_EQ(run("ip link add weave type bridge && ip link set weave up && "
                  "ip link add lan type veth peer name far && ip link set lan up && ip link set "
                  "far up && "
                  "ip addr add 192.168.1.2/24 dev lan && ip link set lo up"),
              "");
    std::ofstream(resolvers_) << "nameserver 10.20.0.53\n";
    loop_.emplace();
    plan_.emplace(loop_->loop(), host_.as_host().log(),
                  std::vector<std::string>{"/no/such/file", resolvers_});
    ASSERT_TRUE(loop_->run([this] {
      auto socket = nl::Socket::open(NETLINK_ROUTE);
      return plan_->start(nl::require_link(*socket, "weave").value().index);
    }));
  }
  void TearDown() override {
    if (plan_) {
      loop_->run([this] {
        plan_->stop();
        return 0;
      });
    }
    loop_.reset();
  }

  /// Why pods get no address in `network`; empty when they do.
  std::string refusal(const char* network) {
    return loop_->run([&] {
      const auto admitted = plan_->admit(cidr(network));
      EXPECT_TRUE(admitted || admitted.error().code == Errc::conflict);
      return admitted ? std::string() : admitted.error().context;
    });
  }
  bool names(const char* network, std::string_view what) {
    return refusal(network).find(what) != std::string::npos;
  }
  std::vector<doctor::Check> checks() {
    return loop_->run([this] { return plan_->checks(); });
  }
  /// Whether, within ten seconds, the doctor says `state` first.
  bool comes_to(doctor::State state) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (checks().front().state != state && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    return checks().front().state == state;
  }

  const std::string resolvers_ = ::testing::TempDir() + "address_plan_resolv.conf";
  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  std::optional<AddressPlan> plan_;
  std::optional<testing::RunningLoop> loop_;
};

TEST_F(AddressPlanTest, AdmitsWhatIsFree) {
  EXPECT_EQ(refusal("10.32.0.1/12"), "");
  EXPECT_EQ(checks().front().state, doctor::State::ok);
}

TEST_F(AddressPlanTest, RefusesANetworkOnALink) {
  ASSERT_EQ(run("ip addr add 10.44.0.2/24 dev lan"), "");

  EXPECT_EQ(refusal("10.32.0.1/12"),
            "give pods addresses in 10.32.0.0/12, which holds what this node reaches otherwise: "
            "10.44.0.0/24, a network of lan; 10.44.0.2, this node's own on lan. Nothing was "
            "changed; set another 'range' under [plugin.ipam] on all nodes, or a 'default-subnet' "
            "that leaves these addresses out. Free networks: 10.48.0.0/12, 10.64.0.0/12, "
            "10.80.0.0/12");
  EXPECT_EQ(checks().front().state, doctor::State::wrong);
  EXPECT_EQ(refusal("10.32.0.1/13"), "");
}

TEST_F(AddressPlanTest, RefusesARouteBehindAGateway) {
  ASSERT_EQ(run("ip route add 10.33.0.0/16 via 192.168.1.1"), "");

  EXPECT_TRUE(names("10.32.0.1/12", "10.33.0.0/16, routed by lan"));
}

TEST_F(AddressPlanTest, RefusesTheGatewayOfTheDefaultRoute) {
  ASSERT_EQ(run("ip route add 10.33.5.1 dev lan scope link && ip route add default via 10.33.5.1"),
            "");

  EXPECT_TRUE(names("10.33.5.2/30", "10.33.5.1/32"));
  EXPECT_TRUE(names("10.33.5.2/30", "10.33.5.1, a gateway behind lan"));
}

TEST_F(AddressPlanTest, RefusesAnAddressWithoutANetwork) {
  ASSERT_EQ(run("ip addr add 10.33.5.1/32 dev lo"), "");

  EXPECT_TRUE(names("10.32.0.1/12", "10.33.5.1, this node's own on lo"));
}

TEST_F(AddressPlanTest, RefusesAResolver) {
  EXPECT_TRUE(names("10.16.0.1/12", "10.20.0.53, a resolver"));
}

TEST_F(AddressPlanTest, RefusesPeersBehindTheDefaultRoute) {
  loop_->run([this] {
    plan_->set_direct_peers({net::parse_ip("10.33.5.12").value()});
    Topology topology;
    topology.self = PeerName{1};
    topology.peers = {
        {PeerName{1}, "we", 1, 1, {}, {{PeerName{2}, "10.50.0.7:6783", true, true}}},
        {PeerName{2}, "they", 1, 1, {}, {{PeerName{3}, "10.70.0.7:6783", true, true}}}};
    plan_->set_topology(topology);
    return 0;
  });

  EXPECT_TRUE(names("10.32.0.1/12", "10.33.5.12, a peer"));
  EXPECT_TRUE(names("10.48.0.1/12", "10.50.0.7, a peer"));
  EXPECT_EQ(refusal("10.64.0.1/12"), "") << "another node's connection";
}

TEST_F(AddressPlanTest, ALargerNetworkIsShared) {
  ASSERT_EQ(run("ip route add 10.0.0.0/8 via 192.168.1.1"), "");

  EXPECT_EQ(refusal("10.32.0.1/12"), "");
}

TEST_F(AddressPlanTest, RefusesWhatARuleSendsToAnotherTable) {
  ASSERT_EQ(run("ip route add 10.38.0.0/16 via 192.168.1.1 table 1052"), "");
  EXPECT_EQ(refusal("10.32.0.1/12"), "") << "no packet is sent there";

  ASSERT_EQ(run("ip rule add priority 5270 lookup 1052"), "");

  EXPECT_TRUE(names("10.32.0.1/12", "10.38.0.0/16, routed to lan by routing table 1052"));
}

TEST_F(AddressPlanTest, ANetworkInAVrfDoesNotCollide) {
  ASSERT_EQ(run("ip route add 10.38.0.0/16 via 192.168.1.1 table 1052"), "");
  if (!run("ip rule add l3mdev protocol kernel").empty()) {
    GTEST_SKIP() << "no VRFs in this kernel";
  }

  EXPECT_EQ(refusal("10.32.0.1/12"), "");
}

TEST_F(AddressPlanTest, RefusesNetworksWhosePacketsThisNodeDrops) {
  ASSERT_EQ(run("ip route add blackhole 10.37.0.0/16 && ip route add unreachable 10.50.0.0/16 && "
                "ip route add prohibit 10.70.0.0/16 && ip route add blackhole 172.16.0.0/12"),
            "");

  EXPECT_TRUE(names("10.32.0.1/12", "10.37.0.0/16, a blackhole route"));
  EXPECT_TRUE(names("10.48.0.1/12", "10.50.0.0/16, a route that refuses packets"));
  EXPECT_TRUE(names("10.64.0.1/12", "10.70.0.0/16, a route that refuses packets"));
  EXPECT_EQ(refusal("172.16.1.1/16"), "") << "the pods' route is the more special one";
}

TEST_F(AddressPlanTest, RefusesAddressesThatALocalRouteMakesThisNodesOwn) {
  EXPECT_EQ(refusal("10.32.0.1/12"), "");
  ASSERT_EQ(run("ip route add local 10.35.0.0/16 dev lo && ip route add local 10.50.0.7 dev lo"),
            "");

  EXPECT_TRUE(names("10.32.0.1/12", "10.35.0.0/16, this node's own by a local route"));
  EXPECT_TRUE(names("10.48.0.1/12", "10.50.0.7/32, this node's own by a local route"));
}

TEST_F(AddressPlanTest, ComparesTheFamilyThatIsAskedFor) {
  ASSERT_EQ(run("ip -6 addr add fd00:1::2/64 dev lan nodad"), "");

  EXPECT_TRUE(names("fd00:1::1/48", "fd00:1::/64, a network of lan"));
  EXPECT_EQ(refusal("fd00:2::1/48"), "");
}

TEST_F(AddressPlanTest, SaysWhatComesUpWhilePodsRunAndWhenItIsOver) {
  ASSERT_EQ(run("ip addr add 10.32.0.1/12 dev weave"), "");
  loop_->run([this] {
    plan_->bridge_has({cidr("10.32.0.1/12")});
    return 0;
  });
  ASSERT_EQ(checks().front().state, doctor::State::ok);

  ASSERT_EQ(run("ip route add 10.33.0.0/16 via 192.168.1.1"), "");
  EXPECT_TRUE(comes_to(doctor::State::wrong));
  EXPECT_NE(checks().front().text.find("10.33.0.0/16, routed by lan"), std::string::npos);

  ASSERT_EQ(run("ip route del 10.33.0.0/16"), "");
  EXPECT_TRUE(comes_to(doctor::State::ok));
}

TEST_F(AddressPlanTest, LooksAgainWhenARuleChanges) {
  ASSERT_EQ(run("ip addr add 10.32.0.1/12 dev weave && "
                "ip route add 10.38.0.0/16 via 192.168.1.1 table 1052"),
            "");
  loop_->run([this] {
    plan_->bridge_has({cidr("10.32.0.1/12")});
    return 0;
  });
  ASSERT_EQ(checks().front().state, doctor::State::ok);

  ASSERT_EQ(run("ip rule add priority 5270 lookup 1052"), "");
  EXPECT_TRUE(comes_to(doctor::State::wrong));

  ASSERT_EQ(run("ip rule del priority 5270"), "");
  EXPECT_TRUE(comes_to(doctor::State::ok));
}

TEST_F(AddressPlanTest, RefusesWhatRulesBeforeTheMainTableTakeAway) {
  ASSERT_EQ(run("ip route add 10.0.0.0/8 via 192.168.1.1 table 52 && "
                "ip route add default via 192.168.1.1 table 99 && "
                "ip route add unreachable default table 98"),
            "");
  for (const auto& [rule, said] : std::vector<std::pair<std::string, std::string>>{
           {"lookup 52", "rule 5270 looks up table 52, which routes 10.0.0.0/8"},
           {"to 10.32.0.0/11 lookup 99",
            "rule 5270 to 10.32.0.0/11 looks up table 99, which routes default"},
           {"lookup 98", "rule 5270 looks up table 98, which routes default"},
           {"to 10.33.0.0/16 prohibit", "rule 5270 to 10.33.0.0/16 refuses packets"},
           {"unreachable", "rule 5270 refuses packets"},
           {"to 10.0.0.0/8 blackhole", "rule 5270 to 10.0.0.0/8 drops packets"}}) {
    ASSERT_EQ(run("ip rule add pref 5270 " + rule), "");

    EXPECT_EQ(
        refusal("10.32.0.1/12"),
        "give pods addresses in 10.32.0.0/12, which is cut off from this node by routing rules: " +
            said + ". Nothing was changed; ip rule add to 10.32.0.0/12 lookup main pref 5269");

    ASSERT_EQ(run("ip rule add to 10.32.0.0/12 lookup main pref 5269"), "");
    EXPECT_EQ(refusal("10.32.0.1/12"), "") << rule;
    ASSERT_EQ(run("ip rule del pref 5269 && ip rule del pref 5270"), "");
  }
}

TEST_F(AddressPlanTest, AdmitsWhatRulesLeaveToTheMainTable) {
  ASSERT_EQ(run("ip route add default via 192.168.1.1 table 52 && "
                "ip route add throw 10.32.0.0/11 table 53 && "
                "ip route add default via 192.168.1.1 table 53"),
            "");
  for (const std::string rule :
       {"lookup local", "fwmark 1 lookup 52", "not fwmark 1 lookup 52", "iif lan lookup 52",
        "from 192.168.1.2 lookup 52", "ipproto udp lookup 52", "to 10.99.0.0/16 lookup 52",
        "to 10.99.0.0/16 prohibit", "lookup 52 suppress_prefixlength 0", "lookup 53",
        "lookup main suppress_prefixlength 0 && ip rule add pref 5271 lookup 52",
        "goto 32766 && ip rule add pref 5271 prohibit"}) {
    ASSERT_EQ(run("ip rule add pref 5270 " + rule), "");

    EXPECT_EQ(refusal("10.32.0.1/12"), "") << rule;

    ASSERT_EQ(run("ip rule del pref 5270; ip rule del pref 5271 2>/dev/null || true"), "");
  }
  ASSERT_EQ(run("ip rule add pref 32767 prohibit"), "");
  EXPECT_EQ(refusal("10.32.0.1/12"), "") << "behind the main table";
}

TEST_F(AddressPlanTest, ComparesTheFamilysRules) {
  ASSERT_EQ(run("ip -6 rule add pref 5270 to fd00::/8 prohibit"), "");

  EXPECT_TRUE(names("fd00:2::1/48", "ip -6 rule add to fd00:2::/48 lookup main pref 5269"));
  EXPECT_EQ(refusal("10.32.0.1/12"), "");
}

TEST_F(AddressPlanTest, LooksAgainWhenATableBeforeMainChanges) {
  ASSERT_EQ(run("ip addr add 10.32.0.1/12 dev weave && ip rule add pref 5270 lookup 52"), "");
  loop_->run([this] {
    plan_->bridge_has({cidr("10.32.0.1/12")});
    return 0;
  });
  ASSERT_EQ(checks().front().state, doctor::State::ok);

  ASSERT_EQ(run("ip route add default via 192.168.1.1 table 52"), "");
  EXPECT_TRUE(comes_to(doctor::State::wrong));
  EXPECT_EQ(checks().front().text,
            "pods' network 10.32.0.0/12 is cut off from this node by routing rules: "
            "rule 5270 looks up table 52, which routes default");

  ASSERT_EQ(run("ip route add 10.32.0.0/12 dev weave table 52"), "");
  EXPECT_TRUE(comes_to(doctor::State::ok));
}

TEST_F(AddressPlanTest, ARefusalIsForgottenWhenItsCauseIsGone) {
  ASSERT_EQ(run("ip addr add 10.44.0.2/24 dev lan"), "");
  ASSERT_NE(refusal("10.32.0.1/12"), "");

  ASSERT_EQ(run("ip addr del 10.44.0.2/24 dev lan"), "");

  EXPECT_TRUE(comes_to(doctor::State::ok));
}

}  // namespace
}  // namespace weft::bridge
