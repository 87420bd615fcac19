/// The guard's table in the running kernel, read back with nft.

#include "firewall.hpp"

#include <sched.h>

#include <gtest/gtest.h>

#include "testing/network.hpp"

namespace weft::ipsec {
namespace {

using testing::address;
using testing::run;

const Tunnel tunnel{address("10.99.0.1"), address("10.99.0.2"), 6784};
const Tunnel other{address("10.99.0.1"), address("10.99.0.3"), 6784};

std::string table() {
  return weft::testing::without_counts(run("nft list ruleset"));
}

class FirewallTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::unshare(CLONE_NEWNET), 0); }
};

TEST_F(FirewallTest, ListsAsItWasMeant) {
  Firewall firewall = Firewall::open().value();
  ASSERT_TRUE(firewall.guard(tunnel));

  EXPECT_EQ(table(), R"(table ip weft-ipsec {
	set tunnels {
		type ipv4_addr . ipv4_addr . inet_service
		elements = { 10.99.0.1 . 10.99.0.2 . 6784 }
	}

	chain output_mark {
		type route hook output priority mangle; policy accept;
		ip saddr . ip daddr . udp dport @tunnels meta mark set meta mark | 0x00020000 comment "make the kernel look for a policy"
	}

	chain output {
		type filter hook output priority filter; policy accept;
		ip saddr . ip daddr . udp dport @tunnels rt ipsec missing counter drop comment "nothing leaves in clear"
	}

	chain input {
		type filter hook input priority filter - 1; policy accept;
		ip daddr . ip saddr . udp dport @tunnels meta mark & 0x00020000 == 0x00000000 counter drop comment "no association of ours decrypted it"
		ip daddr . ip saddr . udp dport @tunnels meta ipsec missing counter drop comment "came in clear, with a mark of someone else's"
	}
}
)");
}

TEST_F(FirewallTest, CanBeSavedAndRestored) {
  Firewall firewall = Firewall::open().value();
  ASSERT_TRUE(firewall.guard(tunnel));
  const std::string before = table();

  EXPECT_EQ(run("nft list ruleset >/run/saved && nft flush ruleset && nft -f /run/saved"), "");

  EXPECT_EQ(table(), before);
}

TEST_F(FirewallTest, ReleasesOneTunnelAlone) {
  Firewall firewall = Firewall::open().value();
  ASSERT_TRUE(firewall.guard(tunnel));
  ASSERT_TRUE(firewall.guard(other));

  ASSERT_TRUE(firewall.release(tunnel));

  EXPECT_NE(table().find("elements = { 10.99.0.1 . 10.99.0.3 . 6784 }"), std::string::npos)
      << table();
}

TEST_F(FirewallTest, GuardsUntilNobodyNeedsIt) {
  Firewall firewall = Firewall::open().value();
  ASSERT_TRUE(firewall.guard(tunnel));
  ASSERT_TRUE(firewall.guard(tunnel));
  const std::string before = table();

  ASSERT_TRUE(firewall.release(tunnel));
  EXPECT_EQ(table(), before);

  ASSERT_TRUE(firewall.release(tunnel));
  EXPECT_EQ(table().find("elements"), std::string::npos) << table();
}

TEST_F(FirewallTest, OutlivesItsProcessAndIsTakenOver) {
  ASSERT_TRUE(Firewall::open().value().guard(tunnel));
  const std::string before = table();

  const Firewall successor = Firewall::open().value();

  EXPECT_EQ(successor.tunnels(), std::set{tunnel});
  EXPECT_EQ(table(), before);
}

TEST_F(FirewallTest, ComesBackWholeAfterSomeoneFlushedIt) {
  Firewall firewall = Firewall::open().value();
  ASSERT_TRUE(firewall.guard(tunnel));
  ASSERT_TRUE(firewall.guard(other));
  const std::string before = table();

  ASSERT_EQ(run("nft flush ruleset"), "");
  ASSERT_TRUE(firewall.repair());
  EXPECT_EQ(table(), before);

  ASSERT_EQ(run("nft flush ruleset"), "");
  ASSERT_TRUE(firewall.release(other));
  ASSERT_TRUE(firewall.guard(other));
  EXPECT_EQ(table(), before);
}

TEST_F(FirewallTest, IsRemovedWhole) {
  Firewall firewall = Firewall::open().value();
  ASSERT_TRUE(firewall.guard(tunnel));
  ASSERT_EQ(run("nft add table ip theirs"), "");

  ASSERT_TRUE(firewall.remove());

  EXPECT_EQ(table(), "table ip theirs {\n}\n");
  EXPECT_TRUE(firewall.remove());
}

}  // namespace
}  // namespace weft::ipsec
