/// The NAT table in the running kernel, in network namespaces of its own, read back with nft.

#include <weft/nft/watcher.hpp>

#include "nat_table.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

#include "firewall_watch.hpp"
#include "passages.hpp"
#include "shell.hpp"

namespace weft::nat {
namespace {

using nft::Change;
using nft::parse_change;
using nft::Watcher;
using testing::run;
using testing::without_counts;

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}

std::string our_table() {
  return without_counts(run("nft list table ip weave"));
}

/// Each test has a nameless namespace that ends with the process.
class NatTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    if (run("nft list ruleset") != "") {
      GTEST_SKIP() << "nftables does not work here";
    }
  }

  static NatTable make(Translation translation = Translation::masquerade) {
    return {Kernel::open().value(), "weave", translation};
  }

  /// With the guide's addresses.
  static NatTable make_guide() {
    NatTable table = make();
    EXPECT_TRUE(table.adopt());
    EXPECT_TRUE(table.set_local_ranges({cidr("10.44.0.0/14")}));
    EXPECT_TRUE(table.masquerade(cidr("10.44.0.0/12")));
    return table;
  }
};

TEST_F(NatTableTest, ListsAsTheGuideShows) {
  NatTable table = make_guide();

  EXPECT_EQ(our_table(), R"(table ip weave {
	set no_masq_local {
		type ipv4_addr
		flags interval
		auto-merge
		elements = { 10.44.0.0/14 }
	}

	set exposed {
		type ipv4_addr
		flags interval
		auto-merge
		elements = { 10.32.0.0/12 }
	}

	chain forward {
		type filter hook forward priority filter - 5; policy accept;
		iifname "weave" oifname "weave" counter accept
		iifname "weave" oifname != "weave" counter accept
		oifname "weave" ct state established,related counter accept
		oifname "weave" ip daddr @exposed counter accept
	}

	chain prerouting_first {
		type filter hook prerouting priority -2147483647; policy accept;
		iifname "weave" ip saddr @exposed ip daddr != @exposed ip daddr != 224.0.0.0/3 counter comment "pods to the outside"
	}

	chain input_first {
		type filter hook input priority -2147483647; policy accept;
		iifname "weave" ip saddr @exposed ip daddr != @exposed ip daddr != 224.0.0.0/3 counter comment "pods to the outside"
		iifname "weave" ip saddr @exposed ip daddr @exposed ct status dnat counter comment "pods to the outside"
		iifname "weave" ip saddr @exposed ct state established,related counter comment "answers to this node"
	}

	chain forward_first {
		type filter hook forward priority -2147483647; policy accept;
		iifname "weave" oifname != "weave" ip saddr @exposed counter comment "pods to the outside"
		iifname "weave" oifname "weave" ip saddr @exposed counter comment "pods to pods"
		iifname "weave" oifname "weave" ip saddr @exposed ct status dnat counter comment "translated to pods"
		oifname "weave" iifname != "weave" ip daddr @exposed ct state established,related counter comment "answers to pods"
	}

	chain output_first {
		type filter hook output priority -2147483647; policy accept;
		oifname "weave" ip daddr @exposed counter comment "to pods"
	}

	chain input_last {
		type filter hook input priority 2147483647; policy accept;
		iifname "weave" ip saddr @exposed ct state established,related counter comment "answers to this node"
	}

	chain forward_last {
		type filter hook forward priority 2147483647; policy accept;
		iifname "weave" oifname != "weave" ip saddr @exposed counter comment "pods to the outside"
		iifname "weave" oifname "weave" ip saddr @exposed counter comment "pods to pods"
		oifname "weave" iifname != "weave" ip daddr @exposed ct state established,related counter comment "answers to pods"
	}

	chain output_last {
		type filter hook output priority 2147483647; policy accept;
		oifname "weave" ip daddr @exposed counter comment "to pods"
	}

	chain postrouting_last {
		type filter hook postrouting priority 2147483647; policy accept;
		iifname "weave" oifname != "weave" counter comment "pods to the outside"
		oifname "weave" ip daddr @exposed counter comment "to pods"
	}

	chain postrouting {
		type nat hook postrouting priority srcnat + 1; policy accept;
		ip daddr @no_masq_local counter return comment "Prevent SNAT to locally running containers"
		ip saddr 10.32.0.0/12 ip daddr 224.0.0.0/4 counter return
		ip saddr != 10.32.0.0/12 ip daddr 10.32.0.0/12 counter masquerade fully-random
		ip saddr 10.32.0.0/12 ip daddr != 10.32.0.0/12 counter masquerade fully-random
	}
}
)");
}

TEST_F(NatTableTest, HideRemovesEveryRuleOfTheNetwork) {
  NatTable table = make_guide();

  ASSERT_TRUE(table.stop_masquerade(cidr("10.32.0.0/12")));

  EXPECT_EQ(our_table().find("10.32.0.0"), std::string::npos);
  EXPECT_EQ(our_table().find("224.0.0.0/4"), std::string::npos);
}

TEST_F(NatTableTest, LocalRangesChangeWithoutTouchingTheRules) {
  NatTable table = make_guide();
  const auto replacements = table.status().replacements;

  for (const auto& ranges :
       {std::vector{cidr("10.32.0.0/13"), cidr("10.44.0.0/14")}, std::vector{cidr("10.32.0.0/12")},
        std::vector{cidr("10.36.0.0/14")}, std::vector{cidr("0.0.0.0/0")},
        std::vector{cidr("10.36.0.0/24"), cidr("255.255.255.0/24")}}) {
    const auto done = table.set_local_ranges(ranges);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(Kernel::open()->read_set("weave", "no_masq_local").value(), merge(ranges));
  }

  EXPECT_EQ(table.status().replacements, replacements);
  EXPECT_NE(our_table().find("elements = { 10.36.0.0/24, 255.255.255.0/24 }"), std::string::npos)
      << our_table();
}

TEST_F(NatTableTest, ManyRangesFitInOneTransaction) {
  NatTable table = make_guide();
  std::vector<net::Cidr> ranges;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    ranges.push_back({net::IpAddress::v4(0x0A200000 + i * 512), 24});
  }

  ASSERT_TRUE(table.set_local_ranges(ranges));
  ASSERT_TRUE(table.repair());

  EXPECT_EQ(Kernel::open()->read_set("weave", "no_masq_local").value(), merge(ranges));
}

TEST_F(NatTableTest, ARestartKeepsTranslatingUntilTheTimeToConfirmIsOver) {
  {
    NatTable before = make_guide();
  }
  const std::string left_behind = our_table();

  NatTable table = make();
  ASSERT_TRUE(table.adopt());

  EXPECT_EQ(our_table(), left_behind);
  EXPECT_EQ(table.status().unconfirmed, std::vector{cidr("10.32.0.0/12")});
  ASSERT_TRUE(table.drop_unconfirmed());
  EXPECT_EQ(our_table().find("masquerade"), std::string::npos);
}

TEST_F(NatTableTest, WhatIsAskedForAgainAfterARestartStays) {
  {
    NatTable before = make_guide();
  }
  NatTable table = make();
  ASSERT_TRUE(table.adopt());

  ASSERT_TRUE(table.masquerade(cidr("10.32.0.0/12")));
  ASSERT_TRUE(table.drop_unconfirmed());

  EXPECT_NE(our_table().find("masquerade"), std::string::npos);
}

TEST_F(NatTableTest, AProviderWithoutTranslationTakesOverTheNetworks) {
  {
    NatTable before = make_guide();
  }

  NatTable table = make(Translation::none);
  ASSERT_TRUE(table.adopt());

  EXPECT_EQ(our_table().find("type nat"), std::string::npos) << our_table();
  EXPECT_NE(our_table().find("ip daddr @exposed counter accept"), std::string::npos);
  EXPECT_EQ(table.status().exposed, std::vector{cidr("10.32.0.0/12")});
}

TEST_F(NatTableTest, RepairsAFlushedRuleset) {
  NatTable table = make_guide();
  const std::string before = our_table();
  run("nft flush ruleset");

  ASSERT_TRUE(table.repair());

  EXPECT_EQ(our_table(), before);
}

TEST_F(NatTableTest, LeavesAnAcceptingForwardChainAlone) {
  if (run("iptables-nft -P FORWARD ACCEPT") != "") {
    GTEST_SKIP() << "iptables-nft is not available";
  }
  NatTable table = make_guide();

  EXPECT_FALSE(table.repair_foreign().value());
  EXPECT_FALSE(table.status().foreign_chain);
}

TEST_F(NatTableTest, StandsOnTopOfADroppingForwardChainAsIptablesShows) {
  if (run("iptables-nft -P FORWARD DROP") != "") {
    GTEST_SKIP() << "iptables-nft is not available";
  }
  run("iptables-nft -A FORWARD -i docker0 -j ACCEPT");
  NatTable table = make_guide();

  const auto changed = table.repair_foreign();

  ASSERT_TRUE(changed) << changed.error().message();
  EXPECT_TRUE(*changed);
  EXPECT_EQ(run("iptables-nft -S FORWARD"), R"(-P FORWARD DROP
-A FORWARD -i weave -o weave -m comment --comment "weft: weave to itself" -j ACCEPT
-A FORWARD -i weave ! -o weave -m comment --comment "weft: weave to the outside" -j ACCEPT
-A FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "weft: weave gets replies" -j ACCEPT
-A FORWARD -d 10.32.0.0/12 -o weave -m comment --comment "weft: weave exposes 10.32.0.0/12" -j ACCEPT
-A FORWARD -i docker0 -j ACCEPT
)");
  EXPECT_FALSE(table.repair_foreign().value());
}

TEST_F(NatTableTest, MovesItsAcceptsBackToTheTopWithoutDuplicates) {
  if (run("iptables-nft -P FORWARD DROP") != "") {
    GTEST_SKIP() << "iptables-nft is not available";
  }
  NatTable table = make_guide();
  ASSERT_TRUE(table.repair_foreign().value());
  run("iptables-nft -I FORWARD -s 192.0.2.1 -j DROP");

  EXPECT_TRUE(table.repair_foreign().value());

  const std::string listed = run("iptables-nft -S FORWARD");
  EXPECT_LT(listed.find("weave to itself"), listed.find("192.0.2.1"));
  EXPECT_EQ(listed.find("weave to itself"), listed.rfind("weave to itself"));
}

TEST_F(NatTableTest, PrefersDockersChainForUsersAndMovesThereWhenItAppears) {
  if (run("iptables-nft -P FORWARD DROP") != "") {
    GTEST_SKIP() << "iptables-nft is not available";
  }
  NatTable table = make_guide();
  ASSERT_TRUE(table.repair_foreign().value());
  run("iptables-nft -N DOCKER-USER; iptables-nft -I FORWARD -j DOCKER-USER");

  EXPECT_TRUE(table.repair_foreign().value());

  EXPECT_EQ(run("iptables-nft -S FORWARD"), "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n");
  EXPECT_NE(run("iptables-nft -S DOCKER-USER").find("weave to itself"), std::string::npos);
}

TEST_F(NatTableTest, NotificationsTellOwnChangesFromForeignOnes) {
  NatTable table = make_guide();
  auto socket = nl::Socket::open(NETLINK_NETFILTER).value();
  ASSERT_TRUE(socket.join(NFNLGRP_NFTABLES));
  std::vector<Change> seen;
  const auto collect = [&] {
    return socket.receive([&](const nlmsghdr& message) {
      if (const auto change = parse_change(message)) {
        seen.push_back(*change);
      }
    });
  };

  ASSERT_TRUE(table.repair());
  ASSERT_TRUE(collect());
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.front(), (Change{"weave", table.port()}));

  seen.clear();
  run("nft flush ruleset");
  ASSERT_TRUE(collect());
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.front().table, "weave");
  EXPECT_NE(seen.front().port, table.port());
}

/// A pod on the bridge of this namespace and a machine outside, which has no route to the pod.
class NatTraffic : public NatTableTest {
 protected:
  void SetUp() override {
    NatTableTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    const std::string errors = run(
        "ip netns add " + pod_ + " && ip netns add " + outside_ +
        " && ip link add weave type bridge && ip addr add 10.32.0.1/12 dev weave"
        " && ip link set weave up && ip link add vethpod type veth peer name eth0 netns " +
        pod_ +
        " && ip link set vethpod master weave up && ip link add up0 type veth peer name eth0"
        " netns " +
        outside_ +
        " && ip addr add 192.0.2.1/24 dev up0 && ip link set up0 up"
        " && sysctl -qw net.ipv4.ip_forward=1 && ip -n " +
        pod_ + " addr add 10.44.0.5/12 dev eth0 && ip -n " + pod_ + " link set eth0 up && ip -n " +
        pod_ + " route add default via 10.32.0.1 && ip -n " + outside_ +
        " addr add 192.0.2.2/24 dev eth0 && ip -n " + outside_ + " link set eth0 up");
    if (!errors.empty()) {
      GTEST_SKIP() << "cannot set up namespaces: " << errors;
    }
  }
  void TearDown() override { run("ip netns del " + pod_ + "; ip netns del " + outside_); }

  static bool ping(const std::string& from, const std::string& to) {
    return run("ip netns exec " + from + " ping -c 1 -W 1 " + to).find(" 0% packet loss") !=
           std::string::npos;
  }

  std::string pod_ = "wt-nat-pod-" + std::to_string(getpid());
  std::string outside_ = "wt-nat-out-" + std::to_string(getpid());
};

TEST_F(NatTraffic, PodsReachTheOutsideWithTheNodesAddress) {
  EXPECT_FALSE(ping(pod_, "192.0.2.2"));

  NatTable table = make_guide();

  EXPECT_TRUE(ping(pod_, "192.0.2.2"));
}

TEST_F(NatTraffic, WithoutTranslationOnlyWhoHasARouteBackAnswersPods) {
  NatTable table = make(Translation::none);
  ASSERT_TRUE(table.adopt());
  ASSERT_TRUE(table.masquerade(cidr("10.32.0.0/12")));
  EXPECT_FALSE(ping(pod_, "192.0.2.2"));

  run("ip -n " + outside_ + " route add 10.32.0.0/12 via 192.0.2.1");

  EXPECT_TRUE(ping(pod_, "192.0.2.2"));
  EXPECT_TRUE(ping(outside_, "10.44.0.5"));
}

TEST_F(NatTraffic, ClientsOfLocalPodsKeepTheirAddressAndOthersDoNot) {
  NatTable table = make_guide();
  run("ip -n " + outside_ + " route add 10.32.0.0/12 via 192.0.2.1");
  run("ip netns exec " + pod_ +
      " nft 'add table ip t; add chain ip t i { type filter hook input priority 0; };"
      " add rule ip t i ip saddr 192.0.2.2 drop'");

  EXPECT_FALSE(ping(outside_, "10.44.0.5")) << "the pod should see the client's own address";
  ASSERT_TRUE(table.set_local_ranges({}));
  EXPECT_TRUE(ping(outside_, "10.44.0.5")) << "the pod should see the bridge's address";
}

TEST_F(NatTraffic, PassesADroppingForwardChainOfIptables) {
  if (run("iptables-nft -P FORWARD DROP") != "") {
    GTEST_SKIP() << "iptables-nft is not available";
  }
  NatTable table = make_guide();
  EXPECT_FALSE(ping(pod_, "192.0.2.2"));

  ASSERT_TRUE(table.repair_foreign().value());

  EXPECT_TRUE(ping(pod_, "192.0.2.2"));
}

/// Other programs' rules, whatever they look at.
class NatLosses : public NatTraffic {
 protected:
  void SetUp() override {
    NatTraffic::SetUp();
    if (!IsSkipped()) {
      netfilter_.emplace(nl::Socket::open(NETLINK_NETFILTER).value());
      table_.emplace(make_guide());
      take();
    }
  }

  /// The pod, the outside and this node send to each other.
  void send() {
    const std::string many = " ping -q -i 0.002 -c 10 -W 0.1 ";
    run("ip netns exec " + pod_ + many + "192.0.2.2; ip netns exec " + pod_ + many + "192.0.2.1;" +
        many + "10.44.0.5");
  }

  /// What is lost in two windows in which they do.
  std::vector<Loss> losses() {
    for (int i = 0; i < lost_windows; ++i) {
      send();
      take();
    }
    return passages_.losses();
  }

  void take() {
    auto counts = read_counts(*netfilter_);
    ASSERT_TRUE(counts) << counts.error().message();
    passages_.take(*std::move(counts), [] { return true; });
  }

  std::optional<NatTable> table_;
  std::optional<nl::Socket> netfilter_;
  Passages passages_;
};

TEST_F(NatLosses, AreNotThereWithoutOtherRules) {
  EXPECT_TRUE(losses().empty());
}

struct Lost {
  const char* rule;
  Traffic traffic;
  std::uint32_t hook;
};

class NatLossesTo : public NatLosses, public ::testing::WithParamInterface<Lost> {};

TEST_P(NatLossesTo, ShowTheHookWhateverTheRuleLooksAt) {
  ASSERT_EQ(run("nft 'table inet other { chain c { type filter hook " +
                std::string(GetParam().rule) + "; }; }'"),
            "");

  const auto lost = losses();

  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].traffic, GetParam().traffic);
  EXPECT_EQ(lost[0].hook, GetParam().hook);
  run("nft delete table inet other");
  EXPECT_TRUE(losses().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Rules, NatLossesTo,
    ::testing::Values(
        Lost{"forward priority 0; ip ttl < 64 iifname weave drop", Traffic::pods_to_outside,
             NF_INET_FORWARD},
        Lost{"forward priority 0; meta iifkind \"bridge\" drop", Traffic::pods_to_outside,
             NF_INET_FORWARD},
        Lost{"forward priority 0; ct direction reply drop", Traffic::answers_to_pods,
             NF_INET_FORWARD},
        Lost{"prerouting priority -300; fib daddr type unicast iifgroup 0 iifname weave drop",
             Traffic::pods_to_outside, NF_INET_PRE_ROUTING},
        Lost{"postrouting priority 0; meta oifkind \"veth\" drop", Traffic::pods_to_outside,
             NF_INET_POST_ROUTING},
        Lost{"input priority 0; meta iifkind \"bridge\" drop", Traffic::answers_to_node,
             NF_INET_LOCAL_IN},
        Lost{"output priority 0; meta oifkind \"bridge\" drop", Traffic::node_to_pods,
             NF_INET_LOCAL_OUT}));

TEST_F(NatLosses, ShowWhatTheRoutingDrops) {
  run("sysctl -qw net.ipv4.conf.weave.forwarding=0");

  const auto lost = losses();

  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0], (Loss{Traffic::pods_to_outside, NF_INET_PRE_ROUTING, 20, 2}));
}

TEST_F(NatLosses, AreSaidWhenTheyBeginAndWhenTheyEnd) {
  testing::SimWorld world;
  testing::FakeHost host{world};
  FirewallWatch watch{host.loop(), host.as_host().log(), host.metrics()};
  host.loop().run([&] {
    ASSERT_TRUE(watch.start("weave"));
    watch.set_networks({cidr("10.32.0.0/12")});
  });
  const auto& vanishing =
      host.metrics().gauge("weft_nat_vanishing", "", {{"traffic", "pods-to-outside"}});
  const auto send_for_windows = [&](int windows) {
    for (int i = 0; i < windows; ++i) {
      send();
      world.run_for(window);
    }
  };
  send_for_windows(2 * lost_windows);
  EXPECT_EQ(vanishing.value(), 0);

  run("nft 'table inet other { chain c { type filter hook forward priority 0; iifgroup 0 iifname "
      "weave ip ttl 63 drop; }; }'");
  send_for_windows(lost_windows);

  EXPECT_TRUE(host.logged("traffic of pods vanishes in this node"));
  EXPECT_FALSE(host.logged("traffic of pods vanishes no longer"));
  EXPECT_EQ(vanishing.value(), 1);

  run("nft delete table inet other");
  send_for_windows(1);

  EXPECT_TRUE(host.logged("traffic of pods vanishes no longer"));
  EXPECT_EQ(vanishing.value(), 0);
  host.loop().run([&] { watch.stop(); });
}

TEST(Change, IgnoresTruncatedMessages) {
  nlmsghdr message{};
  message.nlmsg_len = sizeof message;
  message.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE;

  EXPECT_FALSE(parse_change(message));
}

}  // namespace
}  // namespace weft::nat
