/// The service on a real loop, in a network namespace of its own.

#include "nat_keeper.hpp"

#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "status.hpp"

namespace weft::nat {
namespace {

using namespace std::chrono_literals;

net::Cidr pods() {
  return net::parse_cidr("10.32.0.0/12").value();
}

class NatKeeperTest : public ::testing::TestWithParam<Translation> {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {  // before the loop's thread starts, which inherits it
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    loop.emplace();
    keeper.emplace(*loop, host.as_host().log(), host.metrics());
    const auto started = loop->run([this] {
      return keeper->start("weave", GetParam(), [this](const std::string& said) {
        const std::lock_guard lock(mutex);
        troubles.push_back(said);
      });
    });
    ASSERT_TRUE(started) << started.error().message();
  }
  void TearDown() override {
    if (!IsSkipped()) {
      loop->run([this] { keeper->stop(); });
    }
  }

  [[nodiscard]] Result<> masquerade() {
    std::promise<Result<>> answer;
    keeper->masquerade(pods(), Reply<>(*loop, [&](Result<> got) { answer.set_value(got); }));
    return answer.get_future().get();
  }

  /// The kernel refuses what the keeper wants, or no longer.
  void set_allowed(bool is_allowed) {
    loop->run([is_allowed] {
      __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
      __user_cap_data_struct data[2]{};
      syscall(SYS_capget, &header, data);
      const std::uint32_t bit = 1U << CAP_NET_ADMIN;
      data[0].effective = is_allowed ? data[0].effective | bit : data[0].effective & ~bit;
      return syscall(SYS_capset, &header, data);
    });
  }
  std::vector<std::string> await_troubles(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (;;) {
      const std::lock_guard lock(mutex);
      if (troubles.size() >= count || std::chrono::steady_clock::now() >= deadline) {
        return troubles;
      }
    }
  }

  std::mutex mutex;
  std::vector<std::string> troubles;
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  std::optional<NatKeeper> keeper;
  std::optional<weft::testing::RunningLoop> loop;  // ends before what it runs
};

TEST_P(NatKeeperTest, AnswersOnceTheNetworkIsLetThrough) {
  const auto done = masquerade();

  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(Kernel::open()->read_set("weave", "exposed").value(), merge(std::vector{pods()}));
}

TEST_P(NatKeeperTest, SaysWhetherItTranslates) {
  ASSERT_TRUE(masquerade());

  const std::string status =
      loop->run([this] { return to_json(keeper->status(), keeper->dropped(), keeper->losses()); });

  const bool translates = GetParam() == Translation::masquerade;
  EXPECT_NE(status.find(translates ? R"("translation":"masquerade")" : R"("translation":"none")"),
            std::string::npos)
      << status;
  EXPECT_NE(status.find(R"("exposed":["10.32.0.0/12"])"), std::string::npos) << status;
}

TEST_P(NatKeeperTest, RestoresWhatOthersFlush) {
  ASSERT_TRUE(masquerade());
  const auto restored = [this] {
    return loop->run([this] { return keeper->status().replacements; });
  };
  const auto before = restored();
  auto other = Kernel::open();

  ASSERT_TRUE(other->replace({"weave", {}, {}, {}}));

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (restored() == before && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_GT(restored(), before);
  EXPECT_EQ(other->read_set("weave", "exposed").value(), merge(std::vector{pods()}));
}

TEST_P(NatKeeperTest, SaysWhileTheTableCannotBePutInForce) {
  ASSERT_TRUE(masquerade());
  set_allowed(false);
  ASSERT_TRUE(Kernel::open()->replace({"weave", {}, {}, {}}));

  auto said = await_troubles(1);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_TRUE(said[0].starts_with("not in force, pods may not reach the outside: ")) << said[0];
  set_allowed(true);
  std::promise<Result<>> answer;
  keeper->stop_masquerade(pods(), Reply<>(*loop, [&](Result<> got) { answer.set_value(got); }));
  EXPECT_TRUE(answer.get_future().get());

  said = await_troubles(2);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[1], "");
}

INSTANTIATE_TEST_SUITE_P(EveryTranslation, NatKeeperTest,
                         ::testing::Values(Translation::masquerade, Translation::none),
                         [](const auto& tested) {
                           return tested.param == Translation::masquerade ? "Masquerade" : "None";
                         });

}  // namespace
}  // namespace weft::nat
