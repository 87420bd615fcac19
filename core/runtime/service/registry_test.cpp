/// What a plugin may find and offer.

#include "runtime/service/registry.hpp"

#include <gtest/gtest.h>

#include <weft/testing/sim_world.hpp>

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
    return registry_.view(std::move(plugin), loop_, std::move(use));
  }
  /// Bound by no manifest.
  [[nodiscard]] std::unique_ptr<ServicesView> view(std::string plugin) {
    return registry_.view(std::move(plugin), loop_, std::nullopt);
  }
  void run() { world_.run_for(Duration{1}); }

  testing::SimWorld world_;
  testing::SimLoop& loop_ = world_.add_loop("test");
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
  const auto first = view("first", {.provided = {"weft.test.clock/1"}});
  const auto second =
      view("second", {.provided = {"weft.test.clock/1"}, .shared = {"weft.test.clock/1"}});
  ASSERT_TRUE(first->provide(clock_));

  const Result<> refused = second->provide(clock_);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().context.find("'first'"), std::string::npos);
}

TEST_F(ServiceRegistryTest, KeepsSeveralProvidersThatShareInStartOrder) {
  Link slow;
  Link fast;
  const auto a = view("a", {.provided = {"weft.overlay/1"}, .shared = {"weft.overlay/1"}});
  const auto b = view(
      "b",
      {.wanted = {"weft.overlay/1"}, .provided = {"weft.overlay/1"}, .shared = {"weft.overlay/1"}});
  ASSERT_TRUE(a->provide(slow));
  ASSERT_TRUE(b->provide(fast));

  EXPECT_EQ(b->all<Link>(), (std::vector<Link*>{&slow, &fast}));
}

TEST_F(ServiceRegistryTest, ForgetsAPluginThatStopped) {
  const auto reader = view("reader");
  auto provider = view("clock");
  ASSERT_TRUE(provider->provide(clock_));

  provider->withdraw();

  EXPECT_EQ(reader->optional<Clock>(), nullptr);
}

TEST_F(ServiceRegistryTest, KeepsWhatASuccessorOfTheSameNameProvides) {
  const auto old_one = view("clock");
  const auto successor = view("clock");
  ASSERT_TRUE(successor->provide(clock_));

  old_one->withdraw();

  EXPECT_EQ(view("reader")->optional<Clock>(), &clock_);
}

TEST_F(ServiceRegistryTest, TellsFollowersAtOnceAndWhenTheProviderChanges) {
  const auto reader = view("reader", {.wanted = {"weft.test.clock/1"}});
  const auto provider = view("clock");
  std::vector<Clock*> seen;
  auto following = reader->follow<Clock>([&](Clock* clock) { seen.push_back(clock); });
  ASSERT_TRUE(following);

  ASSERT_TRUE(provider->provide(clock_));
  registry_.tell_followers({"weft.test.clock/1"});
  run();
  provider->withdraw();
  registry_.tell_followers({"weft.test.clock/1"});
  run();

  EXPECT_EQ(seen, (std::vector<Clock*>{nullptr, &clock_, nullptr}));
}

TEST_F(ServiceRegistryTest, TellsNobodyWhoStoppedFollowing) {
  const auto reader = view("reader");
  unsigned calls = 0;
  auto following = reader->follow<Clock>([&](Clock*) { ++calls; });
  ASSERT_TRUE(following);

  registry_.tell_followers({"weft.test.clock/1"});
  *following = {};
  run();

  EXPECT_EQ(calls, 1U);
}

TEST_F(ServiceRegistryTest, LetsAFollowerStopFollowingWhileItIsTold) {
  const auto reader = view("reader");
  Result<Following> following = Following{};
  unsigned calls = 0;
  following = reader->follow<Clock>([&](Clock*) {
    if (++calls == 2) {
      *following = {};
    }
  });

  registry_.tell_followers({"weft.test.clock/1"});
  registry_.tell_followers({"weft.test.clock/1"});
  run();

  EXPECT_EQ(calls, 2U);
}

TEST_F(ServiceRegistryTest, HoldsTheOldProviderUntilItsFollowersLetGo) {
  const auto reader = view("reader");
  ServiceHold held;
  auto following = reader->follow<Clock>([&](Clock*, ServiceHold hold) { held = std::move(hold); });
  auto hold = std::make_shared<int>();
  const std::weak_ptr<void> watch = hold;

  registry_.tell_followers({"weft.test.clock/1"}, std::exchange(hold, nullptr));
  run();
  EXPECT_FALSE(watch.expired());
  held = {};

  EXPECT_TRUE(watch.expired());
}

TEST_F(ServiceRegistryTest, LetsGoForAFollowerWhoseLoopHasClosed) {
  const auto reader = view("reader");
  auto following = reader->follow<Clock>([](Clock*) {});
  auto hold = std::make_shared<int>();
  const std::weak_ptr<void> watch = hold;
  loop_.close();

  registry_.tell_followers({"weft.test.clock/1"}, std::exchange(hold, nullptr));
  run();

  EXPECT_TRUE(watch.expired());
}

TEST_F(ServiceRegistryTest, KnowsWhoHoldsOnToAProviderAndWhoFollows) {
  const auto pinned = view("pinned");
  const auto follower = view("follower");
  auto following = follower->follow<Clock>([](Clock*) {});

  EXPECT_EQ(pinned->optional<Clock>(), nullptr);

  EXPECT_TRUE(pinned->is_pinned(Clock::service));
  EXPECT_FALSE(follower->is_pinned(Clock::service));
}

TEST_F(ServiceRegistryTest, RefusesToFollowWhatTheManifestDoesNotList) {
  const auto sly = view("sly", {});

  const auto following = sly->follow<Clock>([](Clock*) {});

  ASSERT_FALSE(following);
  EXPECT_EQ(following.error().code, Errc::denied);
}

}  // namespace
}  // namespace weft
