/// Pods that end without a DEL, over a host that a test controls and a virtual clock.

#include "pod_leases.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

#include "test_leases.hpp"

namespace weft::cni {
namespace {

using namespace std::chrono_literals;

class PodLeasesTest : public ::testing::Test {
 protected:
  ~PodLeasesTest() override { crash(); }

  /// A daemon on the disk of the one before.
  void start(const std::string& boot = "boot1") {
    leases_ = std::make_unique<PodLeases>(host_.loop(), host_.as_host().log(), host_.metrics(),
                                          probe_, boot);
    host_.loop().run([&] {
      leases_->start(store_);
      leases_->use(&ipam_);
    });
    world_.run_for(1ms);
  }
  /// As kill -9 does: the tasks of the old one find that it stopped.
  void crash() {
    if (leases_) {
      host_.loop().run([&] { leases_->stop(); });
      world_.run_for(1s);
    }
  }
  void restart(const std::string& boot = "boot1") {
    crash();
    start(boot);
  }

  Result<> begin(const AttachmentId& id, bool has_port = true) {
    return host_.await<>([&](Reply<> reply) { leases_->begin(id, has_port, std::move(reply)); });
  }
  void settle(const AttachmentId& id, const std::vector<net::IpAddress>& addresses) {
    host_.loop().run([&] { leases_->settle(address_owner(id), addresses); });
    world_.run_for(1ms);
  }
  /// An ADD that succeeds. weft-cni makes the interface, if anybody.
  net::IpAddress add(const AttachmentId& id, bool has_port = true) {
    EXPECT_TRUE(begin(id, has_port));
    const net::Cidr address{net::IpAddress::v4(0x0A200001 + ++last_), 12};
    ipam_.held.try_emplace(address_owner(id), address);
    settle(id, {address.address});
    return address.address;
  }
  void attach(const AttachmentId& id) { probe_.ports.names.insert(veth_names(id).host); }
  void power_fails() {
    probe_.ports = {};
    probe_.used = {};
  }
  bool holds(const AttachmentId& id) const { return ipam_.held.contains(address_owner(id)); }

  const AttachmentId pod_{"c0ffee01", "eth0"};
  const AttachmentId other_{"c0ffee02", "net1"};
  testing::SimWorld world_;
  testing::FakeHost host_{world_};
  std::shared_ptr<testing::MemoryDisk> disk_ = std::make_shared<testing::MemoryDisk>();
  testing::MemoryStore store_{disk_};
  FakeProbe probe_;
  FakeIpam ipam_;
  std::uint32_t last_ = 0;
  std::unique_ptr<PodLeases> leases_;
};

TEST_F(PodLeasesTest, FreesWhatPodsHadBeforeThePowerFailed) {
  start();
  ipam_.held["weave:expose"] = net::parse_cidr("10.32.0.0/12").value();
  add(pod_);
  add(other_, /*has_port=*/false);
  power_fails();
  restart("boot2");

  world_.run_for(50s);
  EXPECT_TRUE(holds(pod_) && holds(other_)) << "runtimes may still add the pod again";
  world_.run_for(15s);

  EXPECT_FALSE(holds(pod_) || holds(other_));
  EXPECT_TRUE(ipam_.held.contains("weave:expose"));
  EXPECT_EQ(leases_->freed(), 2u);
  EXPECT_TRUE(host_.logged("freeing addresses of pods that ended without a DEL"));

  restart("boot2");
  const int looks = probe_.looks;
  world_.run_for(2min);
  EXPECT_EQ(probe_.looks, looks) << "nothing is left to look for";
}

TEST_F(PodLeasesTest, KeepsWhatIsThere) {
  const AttachmentId by_alias{"a11a5000", "eth0"};
  const AttachmentId by_old_name{"01d0000000000000", "eth0"};
  const AttachmentId by_address{"addre550", "eth0"};
  start();
  for (const AttachmentId& id : {pod_, by_alias, by_old_name}) {
    add(id);
  }
  attach(pod_);
  probe_.ports.names.insert(old_veth_names(by_old_name.container_id).host);
  probe_.ports.aliases.insert(port_alias(by_alias));
  probe_.used.insert(add(by_address));

  for (const char* const boot : {"boot1", "boot2"}) {
    restart(boot);
    host_.loop().run([&] { leases_->wait(); });
    world_.run_for(5min);
    for (const AttachmentId& id : {pod_, by_alias, by_old_name, by_address}) {
      EXPECT_TRUE(holds(id)) << id.container_id << " at " << boot;
    }
  }
}

TEST_F(PodLeasesTest, FreesWhatAPodHadWhoseInterfaceGoesAway) {
  start();
  add(pod_);
  attach(pod_);
  world_.run_for(2min);
  probe_.ports = {};

  host_.loop().run([&] { leases_->look_soon(); });
  world_.run_for(55s);
  EXPECT_TRUE(holds(pod_)) << "its DEL may come";
  world_.run_for(10s);

  EXPECT_FALSE(holds(pod_));
}

TEST_F(PodLeasesTest, KeepsInTheSameBootWhatAnotherPluginMayUse) {
  start();
  add(pod_, /*has_port=*/false);
  restart();

  host_.loop().run([&] { leases_->wait(); });
  world_.run_for(5min);

  EXPECT_TRUE(holds(pod_));
}

TEST_F(PodLeasesTest, FreesAtOnceWhenAnAddWaits) {
  start();
  add(pod_);
  restart();

  host_.loop().run([&] { leases_->wait(); });
  world_.run_for(200ms);

  EXPECT_FALSE(holds(pod_));
  host_.loop().run([&] { leases_->served(); });
  add(other_);
  world_.run_for(30s);
  EXPECT_TRUE(holds(other_)) << "nobody waits any more";
}

TEST_F(PodLeasesTest, LeavesAloneWhatWeftCniWorksAt) {
  start();
  add(pod_);
  probe_.busy.insert(pod_.container_id);

  host_.loop().run([&] { leases_->wait(); });
  world_.run_for(3min);
  EXPECT_TRUE(holds(pod_));

  probe_.busy.clear();
  world_.run_for(2s);
  EXPECT_FALSE(holds(pod_));
}

TEST_F(PodLeasesTest, HurriesOnlyWhenItCanTellThatNobodyWorksAtIt) {
  start();
  add(pod_);
  probe_.busy_otherwise.reset();

  host_.loop().run([&] { leases_->wait(); });
  world_.run_for(30s);
  EXPECT_TRUE(holds(pod_));

  world_.run_for(35s);
  EXPECT_FALSE(holds(pod_));
}

TEST_F(PodLeasesTest, LeavesAloneWhatIsBeingAdded) {
  start();
  add(pod_);
  ASSERT_TRUE(begin(pod_));

  host_.loop().run([&] { leases_->wait(); });
  world_.run_for(5min);

  EXPECT_TRUE(holds(pod_));
}

TEST_F(PodLeasesTest, APodThatIsAddedAgainAfterTheRebootKeepsItsAddress) {
  start();
  add(pod_);
  power_fails();
  restart("boot2");
  world_.run_for(30s);

  add(pod_);
  attach(pod_);
  world_.run_for(5min);

  EXPECT_TRUE(holds(pod_));
}

TEST_F(PodLeasesTest, KnowsOfAnAddressBeforeItIsGiven) {
  start();
  disk_->fail_with = ENOSPC;
  EXPECT_EQ(begin(pod_).error().code.value(), ENOSPC);
  settle(pod_, {});
  disk_->fail_with = 0;
  ASSERT_TRUE(begin(other_));
  ipam_.held[address_owner(other_)] = net::parse_cidr("10.32.0.9/12").value();

  restart("boot2");  // before the address was settled
  world_.run_for(65s);

  EXPECT_FALSE(holds(other_));
}

TEST_F(PodLeasesTest, ForgetsWhatWasReleased) {
  start();
  add(pod_);
  host_.loop().run([&] { leases_->released(address_owner(pod_)); });
  world_.run_for(1s);
  ipam_.held["c0ffee01"] = net::parse_cidr("10.32.0.9/12").value();  // by another way

  restart("boot2");
  world_.run_for(5min);

  EXPECT_TRUE(holds(pod_));
}

TEST_F(PodLeasesTest, TriesAgainWhatFailed) {
  start();
  add(pod_);
  ipam_.is_failing = true;
  power_fails();
  restart("boot2");
  world_.run_for(65s);
  EXPECT_TRUE(holds(pod_));
  EXPECT_EQ(leases_->freed(), 0u);

  ipam_.is_failing = false;
  probe_.is_failing = true;
  world_.run_for(65s);
  EXPECT_TRUE(holds(pod_));

  probe_.is_failing = false;
  world_.run_for(3min);
  EXPECT_FALSE(holds(pod_));
}

TEST_F(PodLeasesTest, KeepsWhatHasOneOfItsAddresses) {
  start();
  const auto address = net::parse_ip("fd00::7").value();
  ASSERT_TRUE(begin(pod_));
  ipam_.held["c0ffee01"] = net::parse_cidr("10.32.0.9/12").value();
  settle(pod_, {net::parse_ip("10.32.0.9").value(), address});
  probe_.used.insert(address);
  restart("boot2");

  world_.run_for(5min);
  EXPECT_TRUE(holds(pod_));

  host_.loop().run([&] { leases_->released(address_owner(pod_), std::vector{address}); });
  restart("boot2");
  world_.run_for(65s);
  EXPECT_FALSE(holds(pod_)) << "the other address is used by nobody";
}

TEST_F(PodLeasesTest, ReadsTheRecordOfEarlierVersions) {
  const std::string text =
      R"([{"container":"c0ffee01","interface":"eth0","boot":"b","port":true,"address":"10.32.0.9"}])";
  const auto octets = std::as_bytes(std::span{text});

  EXPECT_EQ(decode_lease_records(octets).value(),
            (LeaseRecords{{"c0ffee01", {pod_, "b", true, {net::parse_ip("10.32.0.9").value()}}}}));
}

TEST_F(PodLeasesTest, GoesOnWithoutARecordThatIsDamaged) {
  for (const std::string text : {"", "{}", "[7]", R"([{"container":"-"}])", "\xff"}) {
    const auto octets = std::as_bytes(std::span{text});
    disk_->entries["cni/leases"] = Bytes(octets.begin(), octets.end());
    restart();
    EXPECT_TRUE(host_.logged("addresses of pods that ended before will not be freed")) << text;
    EXPECT_TRUE(begin(pod_)) << text;
  }
}

TEST_F(PodLeasesTest, WaitsForAStoreThatCannotBeRead) {
  start();
  add(pod_);
  crash();
  disk_->fail_with = EIO;
  start("boot2");
  disk_->fail_with = 0;

  EXPECT_TRUE(begin(other_));
  settle(other_, {});
  world_.run_for(70s);

  EXPECT_FALSE(holds(pod_));
}

}  // namespace
}  // namespace weft::cni
