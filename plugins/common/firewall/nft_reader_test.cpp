/// Rules that nft and iptables-nft make, read back from the kernel and judged.

#include "nft_reader.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <sched.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "shell.hpp"
#include "test_kinds.hpp"

namespace weft::firewall {
namespace {

using testing::answers_to_pods;
using testing::judge_first;
using testing::pods_to_outside;
using weft::testing::run;

class NftReader : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    netfilter_.emplace(nl::Socket::open(NETLINK_NETFILTER).value());
    route_.emplace(nl::Socket::open(NETLINK_ROUTE).value());
  }

  std::vector<Table> read(const std::vector<nft::TableName>& skipped = {}) {
    return read_nft_tables(*netfilter_, *route_, skipped).value();
  }

  /// With `rules` in a forward chain with policy accept, whose table has the chain `other` too.
  std::vector<Table> with(const std::string& rules, const std::string& declarations = "") {
    run("nft flush ruleset");
    const std::string printed =
        run("nft -f - <<'END'\ntable inet filter {\n" + declarations +
            "\nchain other { drop; }\nchain forward { type filter hook forward priority 0;\n" +
            rules + "\n}\n}\nEND\n");
    EXPECT_EQ(printed, "") << rules;
    return read();
  }

  std::optional<nl::Socket> netfilter_;
  std::optional<nl::Socket> route_;
};

TEST_F(NftReader, FindsTheBaseChainsThatPodsPacketsMeet) {
  ASSERT_EQ(run(R"(nft '
    add table inet filter
    add chain inet filter fw { type filter hook forward priority -7; policy drop; }
    add chain inet filter in { type filter hook input priority 0; policy drop; }
    add table bridge b
    add chain bridge b fw { type filter hook forward priority 3; }
    add table arp a
    add chain arp a in { type filter hook input priority 0; policy drop; }
    add chain arp a out { type filter hook output priority 5; }
    add table ip6 six
    add chain ip6 six fw { type filter hook forward priority 0; policy drop; }
    add table ip n
    add chain ip n p { type nat hook prerouting priority 0; policy drop; }
    add table ip raw
    add chain ip raw p { type filter hook prerouting priority -300; }
    add table ip sleeping { flags dormant; }
    add chain ip sleeping p { type filter hook forward priority 0; policy drop; }
    add table ip ours
    add chain ip ours p { type filter hook forward priority 0; }
    ')"),
            "");

  const auto tables = read({{"ours"}});

  ASSERT_EQ(tables.size(), 5u);
  EXPECT_EQ(tables[0].name, "ip n");
  EXPECT_EQ(tables[0].base_chains,
            (std::vector{BaseChain{"p", NF_INET_PRE_ROUTING, 0, true, /*is_nat=*/true}}));
  EXPECT_EQ(tables[1].name, "ip raw");
  EXPECT_EQ(tables[1].base_chains, (std::vector{BaseChain{"p", NF_INET_PRE_ROUTING, -300, false}}));
  EXPECT_EQ(tables[2].name, "inet filter");
  EXPECT_EQ(tables[2].base_chains, (std::vector{BaseChain{"fw", NF_INET_FORWARD, -7, true},
                                                BaseChain{"in", NF_INET_LOCAL_IN, 0, true}}));
  EXPECT_EQ(tables[3].name, "bridge b");
  EXPECT_TRUE(tables[3].is_of_bridges);
  EXPECT_EQ(tables[4].name, "arp a");
  EXPECT_EQ(tables[4].base_chains, (std::vector{BaseChain{"in", NF_INET_LOCAL_IN, 0, true},
                                                BaseChain{"out", NF_INET_LOCAL_OUT, 5, false}}));
}

TEST_F(NftReader, UnderstandsWhatDropsPods) {
  for (const std::string rule : {
           "drop",
           "reject with icmpx admin-prohibited",
           "iifname \"weave\" drop",
           "iifname \"wea*\" drop",
           "iifname != \"docker0\" drop",
           "iifname { \"weave\", \"docker0\" } drop",
           "oifname { \"eth0\", \"eth1\" } drop",
           "ip saddr 10.0.0.0/8 drop",
           "ip saddr 10.32.0.0/12 drop",
           "ip saddr { 10.0.0.0/9, 192.0.2.0/24 } drop",
           "ip saddr 10.0.0.0-10.255.255.255 drop",
           "ip saddr != 192.0.2.1-192.0.2.9 drop",
           "ip saddr < 11.0.0.0 drop",
           "ip saddr @private drop",
           "ip daddr != 10.32.0.0/12 drop",
           "meta l4proto tcp drop",
           "ip protocol tcp drop",
           "meta l4proto { tcp, udp } drop",
           "meta nfproto ipv4 drop",
           "meta protocol ip drop",
           "ct state new drop",
           "ct state { new, invalid } drop",
           "ct state != established,related drop",
           "ct state vmap { established : accept, new : drop }",
           "iifname vmap { \"docker0\" : accept, \"weave\" : goto other }",
           "meta l4proto vmap { icmp : accept, tcp : jump other }",
           "iifname vmap { \"docker0\" : accept, * : drop }",
           "ip saddr vmap { 192.0.2.0/24 : accept, 10.0.0.0/9 : drop }",
           "ct status != dnat drop",
           "meta mark & 0x4000 == 0 drop",
           "counter log prefix \"dropped \" drop",
           "jump other",
           "goto other",
           "ip saddr 192.0.2.0/24 accept; drop",
       }) {
    const auto drop =
        judge_first(with(rule,
                         "set private { type ipv4_addr; flags interval;"
                         " elements = { 10.0.0.0/11, 10.32.0.0/11, 172.16.0.0/12 }; }"),
                    pods_to_outside());
    EXPECT_TRUE(drop) << rule;
  }
}

TEST_F(NftReader, UnderstandsWhatLetsPodsPass) {
  for (const std::string rule : {
           "iifname \"docker0\" drop",
           "iifname != \"weave\" drop",
           "iifname { \"docker0\", \"virbr0\" } drop",
           "ip saddr 192.0.2.0/24 drop",
           "ip saddr 10.32.0.1-10.33.0.0 drop",
           "ip saddr > 11.0.0.0 drop",
           "ip saddr 10.40.0.0/16 drop",
           "ip daddr 10.32.0.0/12 drop",
           "meta l4proto udp drop",
           "meta nfproto ipv6 drop",
           "ip6 daddr { ::/96, ::ffff:0:0/96 } reject",
           "ct state invalid drop",
           "ct state established,related drop",
           "ct state vmap { established : drop, new : accept }",
           "ct status dnat drop",
           "meta mark & 0x4000 == 0x4000 drop",
           "tcp dport 22 drop",
           "tcp flags & (fin|syn) == fin drop",
           "limit rate over 10/second drop",
           "fib saddr . iif oif missing drop",
           "ip saddr vmap { 10.0.0.0/9 : accept, 10.128.0.0/9 : drop }",
           "ip saddr vmap { 10.32.0.1 : drop }",
           "ip saddr . tcp dport { 10.32.0.1 . 22 } drop",
           "meta pkttype broadcast drop",
           "iifname \"weave\" accept; drop",
           "ip saddr 10.0.0.0/8 accept; drop",
           "ct state established,related accept",
           "return; drop",
       }) {
    EXPECT_FALSE(judge_first(with(rule), pods_to_outside())) << rule;
  }
}

TEST_F(NftReader, UnderstandsWhatNatChainsDropAndWhatTheyTranslateFirst) {
  for (const auto& [rules, drops] : {std::pair{"ip saddr 10.0.0.0/8 drop", true},
                                     {"iifname \"weave\" jump other", true},
                                     {"iifname \"docker0\" drop", false},
                                     {"meta l4proto tcp dnat to 192.0.2.1; drop", false},
                                     {"meta l4proto tcp redirect to :80; drop", false},
                                     {"tcp dport 80 dnat to 192.0.2.1; drop", true},
                                     {"meta l4proto udp dnat to 192.0.2.1; drop", true}}) {
    run("nft flush ruleset");
    ASSERT_EQ(run("nft 'table ip n { chain other { drop; }; chain p { type nat hook prerouting "
                  "priority -100; " +
                  std::string(rules) + "; }; }'"),
              "");
    EXPECT_EQ(judge_first(read(), pods_to_outside()).has_value(), drops) << rules;
  }
  run("nft flush ruleset");
  ASSERT_EQ(run("iptables-nft -t nat -A PREROUTING -p tcp -j DNAT --to-destination 192.0.2.1 && "
                "nft add rule ip nat PREROUTING drop"),
            "");
  const auto tables = read();
  const auto& base = tables.at(0).base_chains;
  const auto prerouting = std::ranges::find(base, "PREROUTING", &BaseChain::name);
  ASSERT_NE(prerouting, base.end());
  EXPECT_FALSE(judge(tables[0], *prerouting, pods_to_outside(IPPROTO_TCP), testing::pods()));
  EXPECT_TRUE(judge(tables[0], *prerouting, pods_to_outside(IPPROTO_UDP), testing::pods()));
}

TEST_F(NftReader, ReadsTheNearestChainsOfManyForNat) {
  std::string chains;
  std::string jumps;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "svc" + std::to_string(i);
    chains += "chain " + name + " { return; }\n";
    jumps += "jump " + name + "\n";
  }
  ASSERT_EQ(
      run("nft -f - <<'END'\ntable ip n {\n" + chains + "chain svcs {\n" + jumps +
          "}\nchain p { type nat hook prerouting priority -100; jump svcs; drop; }\n}\nEND\n"),
      "");

  const auto tables = read();

  EXPECT_TRUE(judge_first(tables, pods_to_outside()));
  EXPECT_LT(tables.at(0).chains.size(), 100u);
}

TEST_F(NftReader, UnderstandsTheAddressesInArp) {
  for (const auto& [rule, drops] : {std::pair{"arp saddr ip 10.32.0.0/12 drop", true},
                                    {"arp saddr ip 192.0.2.1 drop", false},
                                    {"arp operation request drop", false}}) {
    run("nft flush ruleset");
    ASSERT_EQ(run("nft 'add table arp a; add chain arp a in { type filter hook input priority 0; };"
                  "add rule arp a in " +
                  std::string(rule) + "'"),
              "");
    EXPECT_EQ(judge_first(read(), pods_to_outside()).has_value(), drops) << rule;
  }
}

TEST_F(NftReader, UnderstandsInterfacesByIndex) {
  ASSERT_EQ(run("ip link add weave type veth peer name docker0"), "");

  EXPECT_TRUE(judge_first(with("iif \"weave\" drop"), pods_to_outside()));
  EXPECT_TRUE(judge_first(with("iif != \"docker0\" drop"), pods_to_outside()));
  EXPECT_FALSE(judge_first(with("iif \"docker0\" drop"), pods_to_outside()));
}

TEST_F(NftReader, FirewalldRejectsPodsUntilTheirBridgeIsInATrustedZone) {
  const auto rules = [](const std::string& zones) {
    return R"(
      chain filter_FORWARD {
        type filter hook forward priority 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable
        jump filter_FORWARD_ZONES
        reject with icmpx admin-prohibited
      }
      chain filter_FORWARD_ZONES {)" +
           zones + R"(
        iifname "eth0" goto filter_FWD_public
        goto filter_FWD_public
      }
      chain filter_FWD_public { meta l4proto { icmp, ipv6-icmp } accept; reject with icmpx admin-prohibited; }
      chain filter_FWD_trusted { accept; }
    )";
  };
  const auto load = [&](const std::string& zones) {
    run("nft flush ruleset");
    ASSERT_EQ(run("nft -f - <<'END'\ntable inet firewalld {" + rules(zones) + "}\nEND\n"), "");
  };

  load("");
  auto drop = judge_first(read(), pods_to_outside());
  ASSERT_TRUE(drop);
  EXPECT_EQ(drop->chain, "filter_FWD_public");
  EXPECT_TRUE(drop->is_reject);
  EXPECT_FALSE(drop->is_about_pods);
  EXPECT_FALSE(judge_first(read(), answers_to_pods()));

  load("iifname \"weave\" goto filter_FWD_trusted");
  EXPECT_FALSE(judge_first(read(), pods_to_outside()));
}

TEST_F(NftReader, UnderstandsTheRulesOfIptablesNft) {
  const auto with_forward = [&](const std::string& rules) {
    run("nft flush ruleset");
    EXPECT_EQ(run("iptables-nft -P FORWARD ACCEPT; " + rules), "");
    return read();
  };
  const std::string forward = "iptables-nft -A FORWARD ";

  auto drop = judge_first(with_forward(forward + "-j REJECT --reject-with icmp-host-prohibited"),
                          pods_to_outside());
  ASSERT_TRUE(drop);
  EXPECT_TRUE(drop->is_reject);
  EXPECT_TRUE(judge_first(with_forward("iptables-nft -P FORWARD DROP"), pods_to_outside()));
  EXPECT_TRUE(
      judge_first(with_forward(forward + "-m comment --comment x -j DROP"), pods_to_outside()));
  EXPECT_TRUE(
      judge_first(with_forward(forward + "-m conntrack --ctstate NEW -j DROP"), pods_to_outside()));
  EXPECT_TRUE(
      judge_first(with_forward(forward + "-m state --state NEW -j DROP"), pods_to_outside()));
  EXPECT_TRUE(judge_first(with_forward(forward + "-p tcp -j DROP"), pods_to_outside()));
  EXPECT_TRUE(
      judge_first(with_forward(forward + "-s 10.0.0.0/8 -i weave -j DROP"), pods_to_outside()));
  EXPECT_TRUE(judge_first(
      with_forward("iptables-nft -N x; iptables-nft -A x -j REJECT; " + forward + "-j x"),
      pods_to_outside()));
  EXPECT_FALSE(judge_first(with_forward(forward + "-p tcp --dport 25 -j DROP"), pods_to_outside()));
  EXPECT_FALSE(judge_first(with_forward(forward + "-m conntrack --ctstate INVALID -j DROP"),
                           pods_to_outside()));
  EXPECT_FALSE(judge_first(with_forward(forward + "-j LOG; " + forward + "-i docker0 -j DROP"),
                           pods_to_outside()));
}

}  // namespace
}  // namespace weft::firewall
