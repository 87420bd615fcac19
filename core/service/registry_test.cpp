/// What a plugin may find and offer.

#include "service/registry.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

struct Clock {
  static constexpr std::string_view service = "weft.test.clock/1";
};

struct Link {
  static constexpr std::string_view service = "weft.overlay/1";
};

class ServiceRegistryTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<ServicesView> view(std::string plugin, ServiceUse use) {
    return registry_.view(std::move(plugin), std::move(use));
  }

  ServiceRegistry registry_;
  Clock clock_;
};

TEST_F(ServiceRegistryTest, FindsWhatAnotherPluginProvides) {
  const auto provider = view("clock", {.provided = {"weft.test.clock/1"}});
  const auto reader = view("reader", {.required = {"weft.test.clock/1"}});

  ASSERT_TRUE(provider->provide(clock_));

  EXPECT_EQ(*reader->require<Clock>(), &clock_);
}

TEST_F(ServiceRegistryTest, RefusesWhatTheManifestDoesNotList) {
  const auto plugin = view("sly", {});

  EXPECT_EQ(plugin->require<Clock>().error().code, Errc::denied);
  EXPECT_EQ(plugin->provide(clock_).error().code, Errc::denied);
  EXPECT_EQ(plugin->optional<Clock>(), nullptr);
}

TEST_F(ServiceRegistryTest, SaysWhenNobodyProvides) {
  const auto reader = view("reader", {.wanted = {"weft.test.clock/1"}});

  EXPECT_EQ(reader->require<Clock>().error().code, Errc::not_found);
}

TEST_F(ServiceRegistryTest, RefusesASecondProviderNamingTheFirst) {
  const auto first = registry_.view("first", std::nullopt);
  const auto second = registry_.view("second", std::nullopt);
  ASSERT_TRUE(first->provide(clock_));

  const Result<> refused = second->provide(clock_);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().context.find("'first'"), std::string::npos);
}

TEST_F(ServiceRegistryTest, KeepsSeveralOverlaysInStartOrder) {
  Link slow;
  Link fast;
  const auto a = registry_.view("a", std::nullopt);
  const auto b = registry_.view("b", std::nullopt);
  ASSERT_TRUE(a->provide(slow));
  ASSERT_TRUE(b->provide(fast));

  EXPECT_EQ(b->all<Link>(), (std::vector<Link*>{&slow, &fast}));
}

TEST_F(ServiceRegistryTest, ForgetsAPluginThatStopped) {
  const auto reader = registry_.view("reader", std::nullopt);
  auto provider = registry_.view("clock", std::nullopt);
  ASSERT_TRUE(provider->provide(clock_));

  provider->withdraw();

  EXPECT_EQ(reader->optional<Clock>(), nullptr);
}

}  // namespace
}  // namespace weft
