/// Which names a bridge may have.

#include "bridge/link_names.hpp"

#include <gtest/gtest.h>

namespace weft::bridge {
namespace {

TEST(BridgeName, IsNotThatOfOneOfWeftsOwnLinks) {
  for (const char* const name :
       {"vethwe-tap", "vethwe-bridge", "vethwe-datapath", "vethwepl1234567", "vethwepg12"}) {
    const auto refused = validate_bridge_name(name);

    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_NE(refused.error().context.find(std::string("bridge = \"") + name + "\" of [host]"),
              std::string::npos)
        << refused.error().context;
  }
  EXPECT_TRUE(validate_bridge_name("weave"));
}

TEST(LinkKind, OfANetworkCardIsNamedToo) {
  nl::Link card;
  card.name = "weave";

  EXPECT_EQ(want_kind(card, "bridge", "the bridge").error().context,
            "use 'weave' as the bridge: a network card has that name; rename it "
            "(ip link set weave name OTHER)");
}

}  // namespace
}  // namespace weft::bridge
