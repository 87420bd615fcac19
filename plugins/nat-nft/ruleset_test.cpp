/// The rules as values.

#include "ruleset.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace weft::nat {
namespace {

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}

Intent guide_intent() {
  return {"weave", {cidr("10.32.0.0/12")}, {cidr("10.44.0.0/14")}};
}

TEST(WeaveTable, MasqueradesInTheOriginalsOrder) {
  const Table table = weave_table(guide_intent());

  const net::Cidr pods = cidr("10.32.0.0/12");
  ASSERT_EQ(table.chains.back().name, "postrouting");
  EXPECT_EQ(table.chains.back().rules,
            (std::vector<Rule>{
                {{FieldsInSet{{nft::Field::destination_address}, "no_masq_local"}, Count{},
                  Verdict::return_},
                 "Prevent SNAT to locally running containers"},
                {{AddressIn{Side::source, pods}, AddressIn{Side::destination, cidr("224.0.0.0/4")},
                  Count{}, Verdict::return_},
                 ""},
                {{AddressIn{Side::source, pods, true}, AddressIn{Side::destination, pods}, Count{},
                  Masquerade{}},
                 ""},
                {{AddressIn{Side::source, pods}, AddressIn{Side::destination, pods, true}, Count{},
                  Masquerade{}},
                 ""}}));
}

TEST(WeaveTable, HoldsLocalAndExposedRangesAsMergedIntervals) {
  Intent intent = guide_intent();
  intent.local_ranges = {cidr("10.32.0.0/13"), cidr("10.40.0.0/13")};

  const Table table = weave_table(intent);

  ASSERT_EQ(table.sets.size(), 2u);
  EXPECT_EQ(table.sets[0], destination_set("no_masq_local", {{0x0A200000, 0x0A2FFFFF}}));
  EXPECT_EQ(table.sets[1], destination_set("exposed", {{0x0A200000, 0x0A2FFFFF}}));
}

TEST(WeaveTable, TranslatesNothingWhenNothingIsExposed) {
  const Table table = weave_table({"weave", {}, {}});

  EXPECT_EQ(table.chains.back().rules.size(), 1u);
}

TEST(WeaveTable, ForwardsTheSameTrafficWithoutTranslation) {
  Intent intent = guide_intent();
  const Table translating = weave_table(intent);
  intent.translation = Translation::none;

  const Table table = weave_table(intent);

  EXPECT_EQ(table.sets, translating.sets);
  EXPECT_EQ(table.chains, std::vector(translating.chains.begin(), translating.chains.end() - 1));
  EXPECT_EQ(translating.chains.back().name, "postrouting");
}

TEST(WeaveTable, CountsBeforeAndAfterAllOtherChainsWithoutDeciding) {
  const Table table = weave_table(guide_intent());

  for (const CountingChain& counting : counting_chains) {
    const auto chain = std::ranges::find(table.chains, counting.name, &Chain::name);
    ASSERT_NE(chain, table.chains.end()) << counting.name;
    EXPECT_EQ(chain->priority, counting.is_first ? INT32_MIN + 1 : INT32_MAX);
    for (const Rule& rule : chain->rules) {
      EXPECT_EQ(rule.statements.back(), Statement{Count{}});
      EXPECT_FALSE(rule.comment.empty());
    }
  }
}

}  // namespace
}  // namespace weft::nat
