/// What others learn of attached pods, over a host that a test controls and a virtual clock.

#include "attached_pods.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

#include "test_leases.hpp"

namespace weft::cni {
namespace {

using namespace std::chrono_literals;
using events::PodAttached;

class AttachedPodsTest : public ::testing::Test {
 protected:
  AttachedPodsTest() {
    probe_.ports.names = {"veth1", "veth2"};
    start();
  }
  ~AttachedPodsTest() override { stop(); }

  /// On the disk of the one before; the bus forgets what that one published, as when the plugin or
  /// the daemon restarts.
  void start() {
    publisher_ = std::make_unique<testing::FakeHost>(world_);
    log_ = subscribe();
    pods_ = std::make_unique<AttachedPods>(publisher_->loop(), publisher_->as_host().log(),
                                           publisher_->bus(), probe_);
    publisher_->loop().run([&] { pods_->start(store_); });
    world_.run_for(1s);
  }
  void stop() {
    publisher_->loop().run([&] { pods_->stop(); });
    world_.run_for(1s);
    log_ = {};
    pods_.reset();
    publisher_.reset();
  }
  /// What a subscriber that comes now is told, and later.
  Subscription subscribe() {
    told_.clear();
    return publisher_->bus().subscribe<PodAttached>(
        [this](const PodAttached& pod) { told_.push_back(pod.text()); });
  }

  static PodAttached pod(const std::string& container, const std::string& port) {
    return {container, "eth0",   port, net::Mac::from_value(7), net::Mac::from_value(8),
            {},        "/netns", {}};
  }
  Result<> attach(const PodAttached& pod) {
    return publisher_->await<>([&](Reply<> reply) { pods_->attach(pod, std::move(reply)); });
  }
  void detach(const std::string& container) {
    publisher_->loop().run([&] { pods_->detach({container, "eth0"}); });
    world_.run_for(1s);
  }
  void lose(const std::string& port) {
    probe_.ports.names.erase(port);
    publisher_->loop().run([&] { pods_->link_gone(port); });
    world_.run_for(1s);
  }

  testing::SimWorld world_;
  std::shared_ptr<testing::MemoryDisk> disk_ = std::make_shared<testing::MemoryDisk>();
  testing::MemoryStore store_{disk_};
  FakeProbe probe_;
  std::unique_ptr<testing::FakeHost> publisher_;
  std::unique_ptr<AttachedPods> pods_;
  std::vector<std::string> told_;
  Subscription log_;
};

const std::string first_line = "c1/eth0 at veth1, 00:00:00:00:00:07";

TEST_F(AttachedPodsTest, PublishesAPodOnceUntilItChanges) {
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  PodAttached changed = pod("c1", "veth1");
  changed.kubernetes = {"default", "web", ""};
  ASSERT_TRUE(attach(changed));

  EXPECT_EQ(told_, (std::vector<std::string>{first_line,
                                             "c1/eth0 (default/web) at veth1, 00:00:00:00:00:07"}));
}

TEST_F(AttachedPodsTest, TellsALateSubscriberOfThePodsThatAreThere) {
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  ASSERT_TRUE(attach(pod("c2", "veth2")));
  detach("c2");

  log_ = subscribe();
  world_.run_for(1s);

  EXPECT_EQ(told_, std::vector{first_line});
}

TEST_F(AttachedPodsTest, SaysThatAPodIsGoneOnce) {
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  detach("c1");
  detach("c1");
  lose("veth1");

  EXPECT_EQ(told_, (std::vector<std::string>{first_line, "c1/eth0 gone from veth1"}));
}

TEST_F(AttachedPodsTest, NoticesAPortThatVanishes) {
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  ASSERT_TRUE(attach(pod("c2", "veth2")));
  lose("veth2");

  EXPECT_EQ(told_.back(), "c2/eth0 gone from veth2");
  EXPECT_EQ(told_.size(), 3u);
}

TEST_F(AttachedPodsTest, KeepsAPodWhosePortIsThereAgain) {
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  publisher_->loop().run([&] { pods_->link_gone("veth1"); });
  world_.run_for(1s);

  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(AttachedPodsTest, LooksAtTheHostOnlyWhenItConcernsAPod) {
  const int looks = probe_.looks;
  publisher_->loop().run([&] {
    pods_->link_gone("veth1");
    pods_->link_gone("");
  });
  world_.run_for(1s);

  EXPECT_EQ(probe_.looks, looks);
}

TEST_F(AttachedPodsTest, PublishesThePodsThatAreStillThereAfterARestart) {
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  ASSERT_TRUE(attach(pod("c2", "veth2")));
  stop();
  probe_.ports.names.erase("veth2");
  start();

  log_ = subscribe();
  world_.run_for(1s);
  EXPECT_EQ(told_, std::vector{first_line});
}

TEST_F(AttachedPodsTest, TriesAgainWhenTheHostCannotBeLookedAt) {
  ASSERT_TRUE(attach(pod("c1", "veth1")));
  probe_.is_failing = true;
  lose("veth1");
  EXPECT_EQ(told_.size(), 1u);

  probe_.is_failing = false;
  world_.run_for(6s);

  EXPECT_EQ(told_.back(), "c1/eth0 gone from veth1");
}

TEST_F(AttachedPodsTest, SaysWhenThePodIsNotOnDisk) {
  disk_->fail_with = ENOSPC;
  EXPECT_EQ(attach(pod("c1", "veth1")).error().code.value(), ENOSPC);

  disk_->fail_with = 0;
  EXPECT_TRUE(attach(pod("c1", "veth1")));
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(AttachedPodsTest, GoesOnWithoutARecordThatIsDamaged) {
  stop();
  const ByteView octets = as_bytes("[7]");
  disk_->entries["cni/attached"] = Bytes(octets.begin(), octets.end());
  start();

  EXPECT_TRUE(publisher_->logged("pods that were attached before are not published"));
  EXPECT_TRUE(attach(pod("c1", "veth1")));
}

}  // namespace
}  // namespace weft::cni
