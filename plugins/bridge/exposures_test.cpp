/// The bridge's addresses in a real kernel, while others take them away.

#include "exposures.hpp"

#include <sched.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include <gtest/gtest.h>

#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "shell.hpp"

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;
using weft::testing::run;

using Addresses = std::vector<net::Cidr>;

net::Cidr cidr(const char* text) {
  return net::parse_cidr(text).value();
}

/// The networks that are masqueraded.
class FakeNat final : public Nat {
 public:
  void masquerade(net::Cidr network, Reply<> reply) override {
    networks.insert(network);
    reply({});
  }
  void stop_masquerade(net::Cidr network, Reply<> reply) override {
    networks.erase(network);
    reply({});
  }
  std::set<net::Cidr> networks;
};

class ExposuresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0) {  // before the loop's thread starts, which inherits it
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    ASSERT_EQ(run("ip link add weave type bridge && ip link set weave up"), "");
    loop_.emplace();
  }
  void TearDown() override {
    if (exposures_) {
      loop_->run([this] {
        exposures_->stop();
        plan_->stop();
        return 0;
      });
    }
    loop_.reset();
  }

  void start() {
    bridge_.emplace(LinuxBridge::open({"weave", {}, 1376, "vethwe-tap"}).value());
    plan_.emplace(loop_->loop(), host_.as_host().log(), std::vector<std::string>{});
    exposures_.emplace(loop_->loop(), host_.as_host().log(), *plan_, [this](Addresses addresses) {
      const std::lock_guard lock(mutex_);
      told_ = std::move(addresses);
      changed_.notify_all();
    });
    ASSERT_TRUE(loop_->run([this] {
      exposures_->use(&nat_);
      EXPECT_TRUE(plan_->start(bridge_->link().value().index));
      return exposures_->start(*bridge_, nullptr);
    }));
  }
  /// Waits for the answer of `call`, which runs on the loop.
  template <class F>
  Result<> ask(F call) {
    std::promise<Result<>> promise;
    auto answer = promise.get_future();
    loop_->run([&] {
      call(Reply<>(loop_->loop(), [&promise](Result<> got) { promise.set_value(std::move(got)); }));
      return 0;
    });
    return answer.get();
  }
  Result<> expose(const char* address) {
    return ask([&](Reply<> reply) { exposures_->expose(cidr(address), true, std::move(reply)); });
  }
  Result<> hide(const char* address) {
    return ask([&](Reply<> reply) { exposures_->hide(cidr(address), std::move(reply)); });
  }
  /// Whether the bridge is, within ten seconds, said to have these.
  bool is_told(const Addresses& addresses) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return told_ == addresses; });
  }
  /// Whether the kernel has them, within ten seconds. Reads until it is so: what is put back at
  /// once is no change that anybody is told of.
  bool comes_to_have(const Addresses& addresses) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (held() != addresses && std::chrono::steady_clock::now() < deadline) {
    }
    return held() == addresses;
  }
  /// Whether the bridge has these routes and no others, within ten seconds.
  static bool comes_to_route(std::string_view routes) {
    const auto list = [] {
      return run(
          "ip -o route show dev weave | awk '{printf \"%s%s src %s;\", s, $1, $NF; s=\" \"}'");
    };
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (list() != routes && std::chrono::steady_clock::now() < deadline) {
    }
    return list() == routes;
  }
  Addresses held() { return LinuxBridge::open(bridge_->settings())->addresses().value(); }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_{world_};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Addresses> told_;
  FakeNat nat_;
  std::optional<LinuxBridge> bridge_;
  std::optional<AddressPlan> plan_;
  std::optional<Exposures> exposures_;
  std::optional<testing::RunningLoop> loop_;
};

TEST_F(ExposuresTest, AnAddressThatSomebodyFlushesComesBack) {
  start();
  ASSERT_TRUE(expose("10.32.0.1/12"));
  ASSERT_TRUE(is_told({cidr("10.32.0.1/12")}));

  ASSERT_EQ(run("ip addr flush dev weave"), "");

  EXPECT_TRUE(comes_to_have({cidr("10.32.0.1/12")}));
}

TEST_F(ExposuresTest, AllOfSeveralComeBackThatTheKernelDeletesTogether) {
  start();
  ASSERT_TRUE(expose("10.32.0.1/12"));
  ASSERT_TRUE(expose("10.32.0.2/12"));  // secondary: goes with the first
  ASSERT_TRUE(expose("fd00::1/64"));

  ASSERT_EQ(run("ip addr del 10.32.0.1/12 dev weave && ip addr del fd00::1/64 dev weave"), "");

  EXPECT_TRUE(comes_to_have({cidr("10.32.0.1/12"), cidr("10.32.0.2/12"), cidr("fd00::1/64")}));
}

TEST_F(ExposuresTest, AnAddressOfAnEarlierRunIsKeptAndMasquerated) {
  ASSERT_EQ(run("ip addr add 10.32.0.1/12 dev weave"), "");
  start();

  EXPECT_TRUE(is_told({cidr("10.32.0.1/12")}));
  EXPECT_EQ(nat_.networks, std::set{cidr("10.32.0.0/12")});
  ASSERT_TRUE(
      ask([&](Reply<> reply) { exposures_->restore(cidr("10.32.0.1/12"), std::move(reply)); }));
  ASSERT_EQ(run("ip addr flush dev weave"), "");
  EXPECT_TRUE(comes_to_have({cidr("10.32.0.1/12")}));
}

TEST_F(ExposuresTest, AnAddressThatSomebodyAddsIsToldAndNotKept) {
  start();
  ASSERT_TRUE(expose("10.32.0.1/12"));

  ASSERT_EQ(run("ip addr add 10.32.0.9/12 dev weave"), "");
  EXPECT_TRUE(is_told({cidr("10.32.0.1/12"), cidr("10.32.0.9/12")}));
  ASSERT_EQ(run("ip addr del 10.32.0.9/12 dev weave"), "");
  EXPECT_TRUE(is_told({cidr("10.32.0.1/12")}));
}

TEST_F(ExposuresTest, ANetworkOfTheHostIsRefusedBeforeAnythingIsChanged) {
  ASSERT_EQ(
      run("ip link add lan type veth peer name far && ip link set lan up && ip link set far up && "
          "ip addr add 10.33.5.2/24 dev lan"),
      "");
  start();
  const std::string routes = run("ip route");

  const auto exposed = expose("10.32.0.1/12");

  ASSERT_FALSE(exposed);
  EXPECT_EQ(exposed.error().code, Errc::conflict);
  EXPECT_EQ(held(), Addresses{});
  EXPECT_EQ(run("ip route"), routes);
  EXPECT_TRUE(nat_.networks.empty());
  EXPECT_TRUE(expose("10.48.0.1/12")) << "it is free";
}

TEST_F(ExposuresTest, WhatTheBridgeHasAlreadyIsKeptThoughItCollides) {
  ASSERT_EQ(
      run("ip link add lan type veth peer name far && ip link set lan up && ip link set far up && "
          "ip addr add 10.33.5.2/24 dev lan && ip addr add 10.32.0.1/12 dev weave"),
      "");
  start();

  EXPECT_TRUE(expose("10.32.0.1/12"));
  EXPECT_TRUE(expose("10.32.0.2/12")) << "its network is routed to the bridge as it is";
  ASSERT_EQ(run("ip addr flush dev weave"), "");
  EXPECT_TRUE(comes_to_have({cidr("10.32.0.1/12"), cidr("10.32.0.2/12")}));
}

TEST_F(ExposuresTest, AHiddenAddressStaysAwayAndMasqueradingEndsWithTheLastOfItsNetwork) {
  start();
  ASSERT_TRUE(expose("10.32.0.1/12"));
  ASSERT_TRUE(expose("10.32.0.2/12"));

  ASSERT_TRUE(hide("10.32.0.2/12"));
  ASSERT_TRUE(is_told({cidr("10.32.0.1/12")}));
  EXPECT_EQ(nat_.networks, std::set{cidr("10.32.0.0/12")});
  ASSERT_TRUE(hide("10.32.0.1/12"));
  ASSERT_TRUE(is_told({}));
  EXPECT_TRUE(nat_.networks.empty());
}

TEST_F(ExposuresTest, PutsRoutesToThePodsNetworksBackUntilTheAddressIsHidden) {
  start();
  ASSERT_TRUE(expose("10.32.0.1/12"));
  ASSERT_TRUE(expose("10.33.0.1/24"));

  ASSERT_EQ(run("ip route flush dev weave"), "");

  EXPECT_TRUE(comes_to_route("10.32.0.0/12 src 10.32.0.1; 10.33.0.0/24 src 10.33.0.1;"));
  EXPECT_TRUE(host_.logged("somebody deleted the route to the pods' network; put back"));

  ASSERT_TRUE(hide("10.33.0.1/24"));

  EXPECT_TRUE(comes_to_route("10.32.0.0/12 src 10.32.0.1;"));
}

TEST_F(ExposuresTest, PutsTheLocalRouteOfTheGatewaysAddressBack) {
  const auto is_local = [] { return run("ip route show table local 10.32.0.1") != ""; };
  start();
  ASSERT_TRUE(expose("10.32.0.1/12"));
  ASSERT_TRUE(is_told({cidr("10.32.0.1/12")}));
  ASSERT_TRUE(is_local());

  ASSERT_EQ(run("ip route del local 10.32.0.1 table local"), "");

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!is_local() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(run("ip -o route show table local 10.32.0.1"),
            "local 10.32.0.1 dev weave proto kernel scope host src 10.32.0.1 \n");
  EXPECT_TRUE(host_.logged("somebody deleted the local route of the bridge's address; put back"));
  ASSERT_TRUE(hide("10.32.0.1/12"));
  EXPECT_FALSE(is_local());
}

TEST_F(ExposuresTest, WhatWasOnTheBridgeBeforeStaysOffWhenNobodyNamedIt) {
  ASSERT_EQ(run("ip addr add 10.32.0.2/12 dev weave"), "");
  start();
  ASSERT_TRUE(is_told({cidr("10.32.0.2/12")}));

  ASSERT_EQ(run("ip addr del 10.32.0.2/12 dev weave"), "");

  EXPECT_TRUE(is_told({}));
  EXPECT_EQ(held(), Addresses{});
}

TEST_F(ExposuresTest, ARouteThatSomebodyReplacedComesBackWithTheEndOfTheOther) {
  start();
  ASSERT_TRUE(expose("10.32.0.1/12"));

  ASSERT_EQ(run("ip route replace blackhole 10.32.0.0/12"), "");
  ASSERT_EQ(run("ip route del blackhole 10.32.0.0/12"), "");

  EXPECT_TRUE(comes_to_route("10.32.0.0/12 src 10.32.0.1;"));
}

TEST_F(ExposuresTest, ARouteThatWasGoneBeforeTheStartComesBack) {
  ASSERT_EQ(run("ip addr add 10.32.0.1/12 dev weave && ip route flush dev weave"), "");

  start();

  EXPECT_TRUE(comes_to_route("10.32.0.0/12 src 10.32.0.1;"));
}

}  // namespace
}  // namespace weft::bridge
