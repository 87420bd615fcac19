/// Addresses and gateways for pods, over an IPAM and a bridge that a test controls.

#include "pod_networks.hpp"

#include <deque>
#include <map>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

#include "test_leases.hpp"

namespace weft::cni {
namespace {

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}

PodAddress with_gateway(std::string_view address, std::string_view gateway) {
  const net::IpAddress via = net::parse_ip(gateway).value();
  return {cidr(address), via, {default_route(via.family)}};
}

/// Runs what was posted when the test says so.
class QueueLoop final : public Loop {
 public:
  void run() {
    while (!tasks_.empty()) {
      run_one();
    }
  }
  void run_one() {
    if (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  void post(Task task) noexcept override { tasks_.push_back(std::move(task)); }
  Timer after(Duration, Task) override { return {}; }
  Timer every(Duration, Task) override { return {}; }
  bool is_current() const noexcept override { return true; }
  TimePoint now() const noexcept override { return {}; }
  WallTime wall_now() const noexcept override { return {}; }
  std::uint64_t random() noexcept override { return random_ += 2; }
  void random_bytes(std::span<std::byte>) noexcept override {}
  void blocking(Task, Task) override {}
  Result<FdWatch> watch(int, FdEvents, UniqueFunction<void(FdEvents)>) override {
    return fail(Errc::unsupported, "watch a descriptor");
  }

 private:
  std::deque<Task> tasks_;
  std::uint64_t random_ = 4;
};

class FakeBridge final : public Bridge {
 public:
  void info(Reply<BridgeInfo> reply) override {
    if (before_info) {
      std::exchange(before_info, {})();
    }
    reply(state);
  }
  void expose(net::Cidr address, bool masquerade, Reply<> reply) override {
    if (is_failing) {
      reply(fail(EPERM, "add address"));
      return;
    }
    state.addresses.push_back(address);
    masqueraded = masquerade;
    reply({});
  }
  void hide(net::Cidr, Reply<> reply) override { reply({}); }

  BridgeInfo state{"weave", {}, 1376, {}};
  bool masqueraded = false;
  bool is_failing = false;
  Task before_info;
};

class PodNetworksTest : public ::testing::Test {
 protected:
  PodNetworksTest() {
    leases_.start(store_);
    leases_.use(&ipam_);
    loop_.run();
    pods_.use(&ipam_);
    pods_.use(&bridge_);
  }

  template <class R>
  Result<PodNetwork> ask(R (PodNetworks::*method)(PodRequest, Reply<PodNetwork>),
                         PodRequest request) {
    std::optional<Result<PodNetwork>> got;
    (pods_.*method)(std::move(request),
                    {loop_, [&](Result<PodNetwork> answer) { got = std::move(answer); }});
    loop_.run();
    return got.value_or(fail(Errc::abandoned, "get an answer"));
  }

  PodNetwork add(const std::string& container, const std::string& interface = "eth0") {
    return ask(&PodNetworks::add, {container, interface, {}, {}}).value();
  }
  void undo(const std::string& container, std::uint64_t attempt) {
    tell(&PodNetworks::undo, {container, "eth0", {}, {}, attempt});
  }
  void release(PodRequest request) { tell(&PodNetworks::release, std::move(request)); }
  void tell(void (PodNetworks::*method)(PodRequest, Reply<>), PodRequest request) {
    bool is_answered = false;
    (pods_.*method)(std::move(request), {loop_, [&](const Result<>& answer) {
                                           is_answered = true;
                                           EXPECT_TRUE(answer);
                                         }});
    loop_.run();
    EXPECT_TRUE(is_answered);
  }

  QueueLoop loop_;
  FakeIpam ipam_;
  FakeBridge bridge_;
  testing::SimWorld world_;
  testing::FakeHost host_{world_};
  std::shared_ptr<testing::MemoryDisk> disk_ = std::make_shared<testing::MemoryDisk>();
  testing::MemoryStore store_{disk_};
  FakeProbe probe_;
  PodLeases leases_{loop_, host_.as_host().log(), host_.metrics(), probe_, "boot1"};
  AttachedPods attached_{loop_, host_.as_host().log(), host_.bus(), probe_};
  PodNetworks pods_{loop_, leases_, attached_};
};

TEST_F(PodNetworksTest, UsesTheBridgesAddressInThePodsSubnetAsGateway) {
  bridge_.state.addresses = {cidr("192.168.0.1/24"), cidr("10.44.0.0/12")};

  const auto pod = ask(&PodNetworks::add, {"pod1", "eth0", {}, {}});

  EXPECT_EQ(pod.value(),
            (PodNetwork{
                {with_gateway("10.32.0.0/12", "10.44.0.0")}, 1376, "weave", false, pod->attempt}));
}

TEST_F(PodNetworksTest, ExposesTheBridgeWithMasqueradingWhenItHasNoAddressThere) {
  const auto pod = ask(&PodNetworks::add, {"pod1", "eth0", {}, {}});

  EXPECT_EQ(pod.value().addresses.at(0).gateway, ipam_.held.at("weave:expose").address);
  EXPECT_EQ(bridge_.state.addresses, std::vector{ipam_.held.at("weave:expose")});
  EXPECT_TRUE(bridge_.masqueraded);
}

TEST_F(PodNetworksTest, ExposesTheBridgeInTheSubnetThatWasAskedFor) {
  bridge_.state.addresses = {cidr("10.32.0.0/12")};

  const auto pod = ask(&PodNetworks::add, {"pod1", "eth0", cidr("10.48.0.0/16"), {}});

  EXPECT_TRUE(cidr("10.48.0.0/16").contains(pod.value().addresses.at(0).gateway.value()));
}

TEST_F(PodNetworksTest, AnswersARepeatedRequestTheSame) {
  const auto first = ask(&PodNetworks::add, {"pod1", "eth0", {}, {}});
  auto second = ask(&PodNetworks::add, {"pod1", "eth0", {}, {}});

  second->attempt = first->attempt;
  EXPECT_EQ(second.value(), first.value());
}

TEST_F(PodNetworksTest, FreesTheAddressWhenTheBridgeCannotBeExposed) {
  bridge_.is_failing = true;

  const auto pod = ask(&PodNetworks::add, {"pod1", "eth0", {}, {}});

  EXPECT_EQ(pod.error().code.value(), EPERM);
  EXPECT_FALSE(ipam_.held.contains("pod1"));
}

TEST_F(PodNetworksTest, KeepsTheAddressOfARunningPodWhenARepeatedRequestFails) {
  ipam_.held["pod1"] = cidr("10.32.0.7/12");
  ipam_.failing = "weave:expose";

  EXPECT_FALSE(ask(&PodNetworks::add, {"pod1", "eth0", {}, {}}));

  EXPECT_TRUE(ipam_.held.contains("pod1"));
}

TEST_F(PodNetworksTest, AnUndoneAddGivesBackWhatItWasGiven) {
  undo("pod1", add("pod1").attempt);

  EXPECT_FALSE(ipam_.held.contains("pod1"));
}

TEST_F(PodNetworksTest, AnUndoneAddKeepsWhatThePodHadBefore) {
  ipam_.held["pod1"] = cidr("10.32.0.7/12");

  undo("pod1", add("pod1").attempt);

  EXPECT_TRUE(ipam_.held.contains("pod1"));
}

TEST_F(PodNetworksTest, AnUndoneAddEndsItsWait) {
  ipam_.is_exhausted = true;
  std::optional<Result<PodNetwork>> got;
  const std::uint64_t attempt =
      pods_.add({"pod1", "eth0", {}, {}},
                {loop_, [&](Result<PodNetwork> answer) { got = std::move(answer); }});
  loop_.run();
  ASSERT_EQ(ipam_.waiting.size(), 1u);

  undo("pod1", attempt);

  EXPECT_TRUE(ipam_.waiting.empty());
  EXPECT_TRUE(got && !*got);
}

TEST_F(PodNetworksTest, AnUndoneAddKeepsWhatAnotherWasGivenToo) {
  std::vector<std::uint64_t> attempts;
  for (int i = 0; i < 2; ++i) {  // both are under way at once
    pods_.add({"pod1", "eth0", {}, {}}, {loop_, [&](Result<PodNetwork> answer) {
                                           attempts.push_back(answer.value().attempt);
                                         }});
  }
  loop_.run();
  ASSERT_EQ(attempts.size(), 2u);

  undo("pod1", attempts[0]);
  EXPECT_TRUE(ipam_.held.contains("pod1"));
  undo("pod1", attempts[0]);
  EXPECT_TRUE(ipam_.held.contains("pod1")) << "the same again";
  undo("pod1", attempts[1]);
  EXPECT_FALSE(ipam_.held.contains("pod1"));
}

TEST_F(PodNetworksTest, AnAddOfBeforeARestartFreesNothing) {
  add("pod1");
  for (const std::uint64_t attempt : {0, 1000}) {
    undo("pod1", attempt);
    EXPECT_TRUE(ipam_.held.contains("pod1")) << attempt;
  }
}

TEST_F(PodNetworksTest, AnAddThatIsReleasedMeanwhileAnswersNoAddress) {
  bridge_.before_info = [this] {
    pods_.release({"pod1", "eth0", {}, {}}, {loop_, [](const Result<>&) {}});
  };

  EXPECT_EQ(ask(&PodNetworks::add, {"pod1", "eth0", {}, {}}).error().code, Errc::cancelled);

  EXPECT_FALSE(ipam_.held.contains("pod1"));
}

TEST_F(PodNetworksTest, AnAddThatIsUndoneMeanwhileHoldsNothingWhereverItIs) {
  for (int step = 0; step < 16; ++step) {
    std::optional<Result<PodNetwork>> got;
    const std::uint64_t attempt =
        pods_.add({"pod1", "eth0", {}, {}},
                  {loop_, [&](Result<PodNetwork> answer) { got = std::move(answer); }});
    for (int i = 0; i < step; ++i) {
      loop_.run_one();
    }
    undo("pod1", attempt);

    EXPECT_TRUE(got) << step;
    EXPECT_FALSE(ipam_.held.contains("pod1")) << step;
  }
}

TEST_F(PodNetworksTest, RecordsWhatPodsHold) {
  const auto record = [this] { return decode_lease_records(disk_->entries["cni/leases"]).value(); };
  const auto first = add("pod1");
  add("pod1", "net1");
  ipam_.failing = "pod2";
  EXPECT_FALSE(ask(&PodNetworks::add, {"pod2", "eth0", {}, {}}));

  EXPECT_EQ(record().size(), 2u);
  EXPECT_EQ(
      record().at("pod1"),
      (LeaseRecord{{"pod1", "eth0"}, "boot1", false, {first.addresses.at(0).address.address}}));
  undo("pod1", first.attempt);
  release({"pod1", "net1", {}, {}});
  EXPECT_TRUE(record().empty());
}

TEST_F(PodNetworksTest, GivesNoAddressThatItCannotRecord) {
  disk_->fail_with = ENOSPC;

  EXPECT_EQ(ask(&PodNetworks::add, {"pod1", "eth0", {}, {}}).error().code.value(), ENOSPC);

  EXPECT_TRUE(ipam_.held.empty());
}

TEST_F(PodNetworksTest, GivesNoPodAnAddressWhilePodsAreRefused) {
  pods_.refuse_pods("the name belongs to 'node2'");

  const auto refused = ask(&PodNetworks::add, {"pod1", "eth0", {}, {}});
  pods_.refuse_pods("");

  EXPECT_EQ(refused.error().context, "attach the pod: the name belongs to 'node2'");
  EXPECT_FALSE(ipam_.held.contains("pod1"));
  EXPECT_TRUE(ask(&PodNetworks::add, {"pod1", "eth0", {}, {}}));
}

TEST_F(PodNetworksTest, EachInterfaceOfAPodHoldsItsOwnAddress) {
  const auto first = add("pod1");
  const auto second = add("pod1", "net1");

  EXPECT_NE(first.addresses, second.addresses);
  release({"pod1", "net1", {}, {second.addresses.at(0).address}});
  EXPECT_TRUE(ipam_.held.contains("pod1"));
  EXPECT_FALSE(ipam_.held.contains("pod1/net1"));
}

TEST_F(PodNetworksTest, AnAddressThatIpamFoundInUseIsThatOfThePodThatHasIt) {
  ipam_.held["10.32.0.7"] = cidr("10.32.0.7/12");
  ipam_.held["10.32.0.8"] = cidr("10.32.0.8/12");
  const PodRequest pod{"pod1", "eth0", {}, {cidr("10.32.0.7/12")}};

  EXPECT_EQ(ask(&PodNetworks::check, pod).value().addresses.at(0).address, cidr("10.32.0.7/12"));

  release(pod);
  EXPECT_FALSE(ipam_.held.contains("10.32.0.7"));
  EXPECT_TRUE(ipam_.held.contains("10.32.0.8"));
}

TEST_F(PodNetworksTest, AnOldLeaseIsThatOfTheInterfaceWhoseAddressItHas) {
  ipam_.held["pod1"] = cidr("10.32.0.7/12");
  const PodRequest old{"pod1", "net1", {}, {cidr("10.32.0.7/12")}};

  EXPECT_EQ(ask(&PodNetworks::check, old).value().addresses.at(0).address, cidr("10.32.0.7/12"));
  release({"pod1", "net1", {}, {cidr("10.32.0.8/12")}});
  EXPECT_TRUE(ipam_.held.contains("pod1"));
  release(old);
  EXPECT_TRUE(ipam_.held.empty());
}

TEST_F(PodNetworksTest, ChecksWhatAContainerShouldHaveWithoutChangingIt) {
  EXPECT_TRUE(ask(&PodNetworks::check, {"pod1", "eth0", {}, {}}).value().addresses.empty());
  EXPECT_TRUE(ipam_.held.empty());

  ipam_.held["pod1"] = cidr("10.32.0.7/12");
  bridge_.state.addresses = {cidr("10.32.0.1/12")};
  EXPECT_EQ(ask(&PodNetworks::check, {"pod1", "eth0", {}, {}}).value(),
            (PodNetwork{{with_gateway("10.32.0.7/12", "10.32.0.1")}, 1376, "weave"}));
}

TEST_F(PodNetworksTest, FallsBackToAnyBridgeAddressForForeignAddresses) {
  bridge_.state.addresses = {cidr("10.32.0.1/12")};

  const auto pod =
      ask(&PodNetworks::network, {"pod1", "eth0", {}, {cidr("172.30.0.5/24"), cidr("fd00::5/64")}});

  EXPECT_EQ(pod.value().addresses,
            (std::vector<PodAddress>{with_gateway("172.30.0.5/24", "10.32.0.1"),
                                     {cidr("fd00::5/64"), {}, {}}}));
}

TEST_F(PodNetworksTest, GivesAPodAnAddressOfEachFamily) {
  ipam_.default_subnets.push_back(cidr("fd00::/64"));
  bridge_.state.addresses = {cidr("fd00::1/64"), cidr("10.32.0.1/12")};

  EXPECT_EQ(add("pod1").addresses,
            (std::vector<PodAddress>{with_gateway("10.32.0.0/12", "10.32.0.1"),
                                     with_gateway("fd00::/64", "fd00::1")}));
  EXPECT_EQ(decode_lease_records(disk_->entries["cni/leases"]).value().at("pod1").addresses,
            (std::vector{cidr("10.32.0.0/12").address, cidr("fd00::/64").address}));
}

TEST_F(PodNetworksTest, ExposesTheBridgeInTheFamilyThatItLacks) {
  ipam_.default_subnets.push_back(cidr("fd00::/64"));
  bridge_.state.addresses = {cidr("10.32.0.1/12")};

  const auto addresses = add("pod1").addresses;

  EXPECT_EQ(addresses.at(0), with_gateway("10.32.0.0/12", "10.32.0.1"));
  EXPECT_EQ(addresses.at(1), with_gateway("fd00::/64", "fd00::1"));
  EXPECT_EQ(bridge_.state.addresses, (std::vector{cidr("10.32.0.1/12"), cidr("fd00::1/64")}));
}

TEST_F(PodNetworksTest, AnswersTryAgainWhileAProviderIsAbsent) {
  pods_.use(static_cast<Ipam*>(nullptr));
  EXPECT_EQ(ask(&PodNetworks::add, {"pod1", "eth0", {}, {}}).error().code, Errc::abandoned);

  pods_.use(&ipam_);
  pods_.use(static_cast<Bridge*>(nullptr));
  EXPECT_EQ(ask(&PodNetworks::add, {"pod1", "eth0", {}, {}}).error().code, Errc::abandoned);
  EXPECT_TRUE(ipam_.held.empty()) << "what was allocated on the way is given back";
}

}  // namespace
}  // namespace weft::cni
