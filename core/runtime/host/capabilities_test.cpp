/// Which capabilities a plugin lacks.

#include "runtime/host/capabilities.hpp"

#include <linux/capability.h>

#include <gtest/gtest.h>

namespace weft::host {
namespace {

using Names = std::vector<std::string>;

TEST(Capabilities, AreMissedByName) {
  const Names needed{"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF"};

  EXPECT_EQ(missing_capabilities(needed, 1ULL << CAP_NET_RAW), (Names{"CAP_NET_ADMIN", "CAP_BPF"}));
  EXPECT_EQ(missing_capabilities(needed, ~0ULL), Names{});
}

TEST(Capabilities, OfUnknownNamesNoneIsMissed) {
  EXPECT_EQ(missing_capabilities({"CAP_OF_TOMORROW", ""}, 0), Names{});
}

}  // namespace
}  // namespace weft::host
