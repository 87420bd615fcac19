/// Which accepts stand where.

#include "accepts.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>

#include <gtest/gtest.h>

#include "common/firewall/legacy_text.hpp"
#include "legacy.hpp"

namespace weft::nat {
namespace {

Scene scene() {
  return {"weave", {net::parse_cidr("10.32.0.0/12").value()}, "eth0", false};
}

std::string saved(const std::string& forward) {
  return "*filter\n:FORWARD " + forward + "\nCOMMIT\n";
}

Placement placed(const std::string& forward) {
  return place_accepts(firewall::parse_legacy(saved(forward)).at(0), scene());
}

std::vector<Traffic> traffic_of(const Placement& placement) {
  std::vector<Traffic> traffic;
  for (const Accept& accept : placement.accepts) {
    traffic.push_back(accept.traffic);
  }
  return traffic;
}

TEST(Accepts, AreRecognisableAndNameTheirNetwork) {
  const auto accepts = accepts_for({forwarded_traffic.begin(), forwarded_traffic.end()}, scene());

  ASSERT_EQ(accepts.size(), 4u);
  for (const Accept& accept : accepts) {
    EXPECT_TRUE(accept.comment.starts_with(accept_comment));
    EXPECT_EQ(as_nft(accept, "weave").statements.back(), nft::Statement{nft::Verdict::accept});
  }
  EXPECT_EQ(accepts.back().comment, "weft: weave exposes 10.32.0.0/12");
}

TEST(Accepts, StandWhereForwardDropsEverything) {
  for (const char* const forward :
       {"DROP [0:0]", "ACCEPT [0:0]\n-A FORWARD -j REJECT", "ACCEPT [0:0]\n-A FORWARD -j DROP",
        "ACCEPT [0:0]\n-A FORWARD -i docker0 -j ACCEPT\n-A FORWARD -g end\n-A end -j REJECT",
        "ACCEPT [0:0]\n-A FORWARD -p tcp -j REJECT"}) {
    const Placement placement = placed(forward);

    EXPECT_EQ(placement.chain, "FORWARD") << forward;
    EXPECT_EQ(traffic_of(placement),
              (std::vector(forwarded_traffic.begin(), forwarded_traffic.end())))
        << forward;
  }
}

TEST(Accepts, StandOnlyForTheTrafficThatIsDropped) {
  const Placement placement = placed("ACCEPT [0:0]\n-A FORWARD -i eth+ -j DROP");

  EXPECT_EQ(traffic_of(placement),
            (std::vector{Traffic::answers_to_pods, Traffic::outside_to_pods}));
}

TEST(Accepts, AreNotNeededWhereNothingIsDroppedAsARule) {
  for (const char* const forward :
       {"ACCEPT [0:0]", "ACCEPT [0:0]\n-A FORWARD -p tcp -m tcp --dport 25 -j DROP",
        "ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP",
        "DROP [0:0]\n-A FORWARD -j ACCEPT"}) {
    EXPECT_EQ(placed(forward), Placement{}) << forward;
  }
}

TEST(Accepts, LeaveRulesAloneThatAreWrittenForPods) {
  for (const char* const forward :
       {"ACCEPT [0:0]\n-A FORWARD -i weave -j DROP\n-A FORWARD -o weave -j DROP",
        "ACCEPT [0:0]\n-A FORWARD -s 10.32.0.0/12 -j REJECT\n-A FORWARD -d 10.32.0.0/12 -j DROP",
        "ACCEPT [0:0]\n-A FORWARD -o weave -j WEAVE-NPC\n-A FORWARD -o weave -j DROP\n"
        "-A WEAVE-NPC -m set --match-set x dst -j ACCEPT"}) {
    EXPECT_EQ(placed(forward), Placement{}) << forward;
  }
}

TEST(Accepts, OfOursDoNotCount) {
  EXPECT_EQ(placed("DROP [0:0]\n-A FORWARD -m comment --comment \"weft: x\" -j ACCEPT").chain,
            "FORWARD");
}

TEST(Accepts, StandInDockersChainForUsersWhereThatHelps) {
  EXPECT_EQ(placed("DROP [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER").chain,
            "DOCKER-USER");
  EXPECT_EQ(placed("ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DROP\n"
                   "-A FORWARD -j DOCKER-USER")
                .chain,
            "FORWARD");
  EXPECT_EQ(placed("DROP [0:0]\n:DOCKER-USER - [0:0]").chain, "FORWARD");
}

TEST(Accepts, OfLegacyAreChangedOnlyWhereTheyDiffer) {
  const std::string before = saved("DROP [0:0]\n-A FORWARD -i docker0 -j ACCEPT");
  const Placement placement = placed("DROP [0:0]");

  EXPECT_EQ(legacy_change(before, placement, "weave"),
            R"(*filter
-I FORWARD 1 -i weave -o weave -m comment --comment "weft: weave to itself" -j ACCEPT
-I FORWARD 2 -i weave ! -o weave -m comment --comment "weft: weave to the outside" -j ACCEPT
-I FORWARD 3 -o weave -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "weft: weave gets replies" -j ACCEPT
-I FORWARD 4 -d 10.32.0.0/12 -o weave -m comment --comment "weft: weave exposes 10.32.0.0/12" -j ACCEPT
COMMIT
)");
  const std::string accept =
      "-A FORWARD -i weave -o weave -m comment --comment \"weft: weave to itself\" -j ACCEPT";
  Placement one = placement;
  one.accepts.resize(1);
  EXPECT_EQ(legacy_change(saved("DROP [0:0]\n" + accept), one, "weave"), "");
  EXPECT_EQ(legacy_change(saved("DROP [0:0]\n-A FORWARD -j DROP\n" + accept), one, "weave"),
            "*filter\n-D" + accept.substr(2) + "\n-I FORWARD 1" + accept.substr(10) + "\nCOMMIT\n");
  EXPECT_EQ(legacy_change(saved("ACCEPT [0:0]\n" + accept), {}, "weave"),
            "*filter\n-D" + accept.substr(2) + "\nCOMMIT\n");
}

}  // namespace
}  // namespace weft::nat
