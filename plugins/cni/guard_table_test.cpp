/// The guard's rules and elements, as values.

#include "guard_table.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

net::IpAddress ip(std::string_view text) {
  return net::parse_ip(text).value();
}

net::Mac mac(std::string_view text) {
  return net::parse_mac(text).value();
}

std::vector<GuardedPod> two_pods() {
  return {{"vethwepla", mac("02:00:00:00:00:0a"), {ip("10.32.0.10"), ip("fd00::a")}},
          {"vethweplb", mac("02:00:00:00:00:0b"), {ip("10.32.0.11")}}};
}

const nft::Set& set_of(const nft::Table& table, std::string_view name) {
  return *std::ranges::find(table.sets, name, &nft::Set::name);
}

const nft::Chain& chain_of(const nft::Table& table, std::string_view name) {
  return *std::ranges::find(table.chains, name, &nft::Chain::name);
}

nft::Element element(std::string_view port, ByteView value) {
  return {nft::key_of({nft::interface_field(port), value})};
}

TEST(LinkLocal, FollowsFromTheMac) {
  EXPECT_EQ(to_string(link_local_of(mac("02:00:5e:10:00:07"))), "fe80::5eff:fe10:7");
}

TEST(GuardTable, PinsMacsToPorts) {
  const nft::Table table = guard_table(two_pods(), {});

  EXPECT_EQ(set_of(table, "ports").elements,
            (std::vector<nft::Element>{{nft::interface_field("vethwepla")},
                                       {nft::interface_field("vethweplb")}}));
  EXPECT_EQ(set_of(table, "macs").elements,
            (std::vector{element("vethwepla", mac("02:00:00:00:00:0a").octets),
                         element("vethweplb", mac("02:00:00:00:00:0b").octets)}));
}

TEST(GuardTable, LetsAPodSpeakBeforeItHasAnAddress) {
  const nft::Table table = guard_table(two_pods(), {});
  const auto& ipv4 = set_of(table, "ipv4").elements;

  EXPECT_EQ(std::ranges::count(ipv4, element("vethweplb", ip("0.0.0.0").bytes())), 1);
  EXPECT_EQ(std::ranges::count(ipv4, element("vethweplb", ip("10.32.0.11").bytes())), 1);
  EXPECT_EQ(ipv4.size(), 4u);
}

TEST(GuardTable, KnowsWhoseIpv6AddressesAreTaken) {
  const std::vector<net::IpAddress> bridge{ip("fd00::1"), ip("fd00::a")};

  const nft::Table table = guard_table(two_pods(), bridge);

  EXPECT_EQ(set_of(table, "taken").elements,
            (std::vector<nft::Element>{{nft::key_of({ip("fd00::1").bytes()})},
                                       {nft::key_of({ip("fd00::a").bytes()})}}));
  EXPECT_EQ(std::ranges::count(set_of(table, "ipv6").elements,
                               element("vethwepla", ip("fd00::a").bytes())),
            1);
  EXPECT_EQ(
      std::ranges::count(set_of(table, "ipv6").elements,
                         element("vethweplb", link_local_of(mac("02:00:00:00:00:0b")).bytes())),
      1);
}

TEST(GuardTable, HasTheSameRulesForEveryNumberOfPods) {
  EXPECT_EQ(guard_table({}, {}).chains, guard_table(two_pods(), {}).chains);
}

TEST(GuardTable, EveryDropIsCountedForAReason) {
  const nft::Table table = guard_table({}, {});
  for (const nft::Chain& chain : table.chains) {
    for (const nft::Rule& rule : chain.rules) {
      if (rule.statements.back() == nft::Statement{nft::Verdict::drop}) {
        EXPECT_EQ(rule.statements[rule.statements.size() - 2], nft::Statement{nft::Count{}});
        EXPECT_NE(std::ranges::find(guard_reasons, rule.comment, &GuardReason::comment),
                  std::end(guard_reasons))
            << rule.comment;
      }
    }
  }
}

TEST(GuardTable, DropsEvenWhatItCannotRemember) {
  const nft::Table table = guard_table({}, {});
  for (const GuardReason& reason : guard_reasons) {
    const nft::Chain& chain = chain_of(table, "drop_" + std::string(reason.label));
    ASSERT_EQ(chain.rules.size(), 2u);
    EXPECT_EQ(chain.rules.back().statements,
              (std::vector<nft::Statement>{nft::Count{}, nft::Verdict::drop}));
  }
}

TEST(GuardTable, ChecksTheMacBeforeAnythingElse) {
  const nft::Table table = guard_table({}, {});

  EXPECT_EQ(chain_of(table, "from_pod").rules.front().statements.front(),
            (nft::Statement{nft::FieldsInSet{
                {nft::Field::in_interface, nft::Field::ether_source}, "macs", true}}));
}

TEST(PodsFrom, ReadsBackWhatTheTableSays) {
  const nft::Table table = guard_table(two_pods(), std::vector{ip("fd00::1")});

  EXPECT_EQ(pods_from(set_of(table, "macs").elements, set_of(table, "ipv4").elements,
                      set_of(table, "ipv6").elements),
            two_pods());
}

TEST(PodsFrom, IgnoresWhatIsNotOurs) {
  const std::vector<nft::Element> odd{{Bytes(3)}, {Bytes(100)}};

  EXPECT_TRUE(pods_from({}, odd, odd).empty());
}

}  // namespace
}  // namespace weft::cni
