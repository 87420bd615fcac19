/// The guard on a real bridge, with pods in namespaces of their own that try to be somebody else.

#include "pod_guard.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "shell.hpp"

namespace weft::cni {
namespace {

using namespace std::chrono_literals;
using testing::run;

/// Two pods, 10.32.0.10 and 10.32.0.11, and a bridge with 10.32.0.1 in a nameless namespace.
class PodGuardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {  // before the loop's thread starts, which inherits it
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    if (run("ip link add weave address 02:00:00:00:00:01 type bridge && "
            "ip addr add 10.32.0.1/12 dev weave && ip -6 addr add fd00::1/64 dev weave nodad && "
            "ip link set lo up && ip link set weave up") != "" ||
        !add_pod("a") || !add_pod("b")) {
      GTEST_SKIP() << "cannot set up namespaces with ip(8)";
    }
    start();
  }
  void TearDown() override {
    if (loop) {
      stop();
    }
    run("ip netns del " + pod("a") + "; ip netns del " + pod("b"));
  }

  void start() {
    loop.emplace();
    guard.emplace(*loop, host.as_host().log(), host.as_host().metrics());
    const auto started = loop->run([this] {
      auto done = guard->start();
      guard->set_bridge("weave");
      return done;
    });
    ASSERT_TRUE(started) << started.error().message();
  }
  void stop() {
    loop->run([this] { guard->stop(); });
    loop.reset();
    guard.reset();
  }

  static std::string digit(const std::string& name) { return name == "a" ? "0" : "1"; }
  std::string pod(const std::string& name) const { return "wt-guard-" + name + unique; }
  static std::string mac(const std::string& name) { return "02:00:00:00:01:0" + digit(name); }

  bool add_pod(const std::string& name) const {
    const std::string in = "ip -n " + pod(name) + " ";
    return run("ip netns add " + pod(name) + " && ip netns exec " + pod(name) +
               " sysctl -qw net.ipv6.conf.default.accept_dad=0 && ip link add vethwepl" + name +
               " type veth peer name eth0 address " + mac(name) + " netns " + pod(name) +
               " && ip link set vethwepl" + name + " master weave up && " + in +
               "link set lo up && " + in + "addr add 10.32.0.1" + digit(name) + "/12 dev eth0 && " +
               in + "-6 addr add fd00::1" + digit(name) + "/64 dev eth0 nodad && " + in +
               "link set eth0 up") == "";
  }
  [[nodiscard]] Result<> pin(const std::string& name) {
    return loop->run([&] {
      return guard->guard({"vethwepl" + name,
                           net::parse_mac(mac(name)).value(),
                           {net::parse_ip("10.32.0.1" + digit(name)).value(),
                            net::parse_ip("fd00::1" + digit(name)).value()}});
    });
  }
  void pin_both() {
    ASSERT_TRUE(pin("a"));
    ASSERT_TRUE(pin("b"));
  }

  std::string in_pod(const std::string& name, const std::string& command) const {
    return run("ip netns exec " + pod(name) + " " + command);
  }
  bool pings(const std::string& name, const std::string& options) const {
    return in_pod(name, "ping -c 1 -W 1 " + options).find(" 0% packet loss") != std::string::npos;
  }
  /// What the rules of that reason counted.
  std::uint64_t dropped(std::string_view label) {
    const auto* const reason = std::ranges::find(guard_reasons, label, &GuardReason::label);
    const std::string listing = run("nft list table bridge weft-pods");
    std::uint64_t packets = 0;
    std::istringstream lines(listing);
    for (std::string line; std::getline(lines, line);) {
      const auto at = line.find("packets ");
      if (at != std::string::npos && line.find(reason->comment) != std::string::npos) {
        packets += std::stoul(line.substr(at + 8));
      }
    }
    return packets;
  }
  /// One frame, as `xxd -r -p` reads it, from the pod's interface.
  void send_frame(const std::string& name, const std::string& hex) const {
    in_pod(name,
           "python3 -c \"import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
           "s.bind(('eth0', 0)); s.send(bytes.fromhex('" +
               hex + "'))\"");
  }
  std::string neighbours_of_bridge() const { return run("ip neigh show dev weave"); }

  std::string unique = std::to_string(::getpid());
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  std::optional<PodGuard> guard;
  std::optional<weft::testing::RunningLoop> loop;  // ends before what it runs
};

TEST_F(PodGuardTest, PodsReachEachOtherAndTheBridgeInBothFamilies) {
  pin_both();

  EXPECT_TRUE(pings("a", "10.32.0.11"));
  EXPECT_TRUE(pings("a", "10.32.0.1"));
  EXPECT_TRUE(pings("b", "fd00::10"));
  EXPECT_TRUE(pings("b", "fd00::1"));
  EXPECT_TRUE(pings("b", "fe80::ff:fe00:100%eth0")) << in_pod("b", "ip addr");
  for (const GuardReason& reason : guard_reasons) {
    EXPECT_EQ(dropped(reason.label), 0u) << reason.label;
  }
}

TEST_F(PodGuardTest, IsReadableInNft) {
  pin_both();

  EXPECT_NE(run("nft list set bridge weft-pods ports").find(R"("vethwepla",)"), std::string::npos);
  EXPECT_NE(run("nft list set bridge weft-pods ipv4").find(R"("vethweplb" . 10.32.0.11)"),
            std::string::npos);
}

TEST_F(PodGuardTest, DropsAnothersMac) {
  pin_both();

  in_pod("b", "ip link set eth0 address " + mac("a"));

  EXPECT_FALSE(pings("b", "10.32.0.1"));
  EXPECT_GT(dropped("mac"), 0u);
  const std::string offenders = run("nft list set bridge weft-pods offenders");
  EXPECT_NE(offenders.find(R"("vethweplb")"), std::string::npos) << offenders;
  EXPECT_EQ(offenders.find(R"("vethwepla")"), std::string::npos) << offenders;
  EXPECT_EQ(run("bridge fdb show br weave").find(mac("a") + " dev vethweplb"), std::string::npos);
}

TEST_F(PodGuardTest, DropsAnothersIpv4Address) {
  pin_both();
  in_pod("b", "ip addr add 10.32.0.10/12 dev eth0");

  EXPECT_FALSE(pings("b", "-I 10.32.0.10 10.32.0.1"));
  EXPECT_GT(dropped("ipv4") + dropped("arp"), 0u);
}

TEST_F(PodGuardTest, DropsAnswersForTheGateway) {
  pin_both();
  // ARP reply: 10.32.0.1 is at pod b's own MAC, to pod a.
  send_frame("b",
             "020000000100"
             "020000000101"
             "0806000108000604000202000000010"
             "10a200001"
             "0200000001000a20000a");

  EXPECT_EQ(dropped("arp"), 1u);
  EXPECT_EQ(in_pod("a", "ip neigh show 10.32.0.1").find(mac("b")), std::string::npos);
}

TEST_F(PodGuardTest, DropsArpThatNamesAnotherMac) {
  pin_both();
  // ARP reply: 10.32.0.11, its own, is at pod a's MAC.
  send_frame("b",
             "ffffffffffff"
             "020000000101"
             "08060001080006040002020000000100"
             "0a20000b"
             "0200000001000a20000a");

  EXPECT_EQ(dropped("arp"), 1u);
}

TEST_F(PodGuardTest, LetsAPodProbeAnIpv4AddressBeforeItUsesIt) {
  pin_both();

  const std::string probe =
      "ffffffffffff"
      "020000000101"
      "08060001080006040001020000000101"
      "00000000"
      "0000000000000a20000a";

  send_frame("b", probe);
  EXPECT_EQ(dropped("arp"), 0u);
  send_frame("b", probe.substr(0, 57) + "1" + probe.substr(58));  // from 1.0.0.0
  EXPECT_EQ(dropped("arp"), 1u);
}

TEST_F(PodGuardTest, DropsTheBridgesAndAnothersIpv6Address) {
  pin_both();
  in_pod("b", "ip -6 addr add fd00::10/64 dev eth0 nodad");
  in_pod("b", "ip -6 addr add fd00::1/64 dev eth0 nodad");

  EXPECT_FALSE(pings("b", "-I fd00::10 fd00::99"));
  EXPECT_GT(dropped("nd") + dropped("ipv6"), 0u);
  // Unsolicited advertisement: fd00::1 is at pod b's MAC.
  const std::uint64_t before = dropped("nd");
  send_frame("b",
             "333300000001020000000101"
             "86dd6000000000203aff"
             "fd000000000000000000000000000011"
             "ff020000000000000000000000000001"
             "88000000"
             "20000000"
             "fd000000000000000000000000000001"
             "0201020000000101");
  EXPECT_EQ(dropped("nd"), before + 1);
}

TEST_F(PodGuardTest, DropsAdvertisementsThatNameAnotherMac) {
  pin_both();

  send_frame("b",
             "333300000001020000000101"
             "86dd6000000000203aff"
             "fd000000000000000000000000000011"
             "ff020000000000000000000000000001"
             "88000000"
             "20000000"
             "fd000000000000000000000000000011"
             "0201020000000100");

  EXPECT_EQ(dropped("nd"), 1u);
}

TEST_F(PodGuardTest, DropsRouterAdvertisements) {
  pin_both();

  send_frame("b",
             "333300000001020000000101"
             "86dd6000000000103aff"
             "fe80000000000000000000fffe000101"
             "ff020000000000000000000000000001"
             "8600000040000708"
             "0000000000000000");

  EXPECT_EQ(dropped("nd"), 1u);
}

TEST_F(PodGuardTest, LetsAPodUseIpv6AddressesThatNobodyHas) {
  pin_both();
  in_pod("b", "sysctl -qw net.ipv6.conf.eth0.accept_dad=1");
  in_pod("b", "ip -6 addr add fd00::99/64 dev eth0");  // with duplicate address detection

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (in_pod("b", "ip -6 addr show dev eth0 tentative") != "" &&
         std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(pings("b", "-I fd00::99 fd00::10"));
  EXPECT_EQ(dropped("nd"), 0u);
}

TEST_F(PodGuardTest, PinsALinkLocalAddressToTheMac) {
  pin_both();
  in_pod("b", "ip -6 addr add fe80::1234/64 dev eth0 nodad");

  EXPECT_FALSE(pings("b", "-I fe80::1234%eth0 fe80::ff:fe00:100%eth0"));
  EXPECT_GT(dropped("ipv6") + dropped("nd"), 0u);
}

TEST_F(PodGuardTest, ATagHidesNothing) {
  pin_both();
  const std::string forged_arp =
      "0806000108000604000202000000010"
      "10a200001"
      "0200000001000a20000a";

  send_frame("b",
             "020000000100020000000101"
             "81000007" +
                 forged_arp);
  EXPECT_EQ(dropped("arp"), 1u) << run("nft list table bridge weft-pods");
  send_frame("b",
             "020000000100020000000101"
             "81000007"
             "81000008" +
                 forged_arp);
  EXPECT_EQ(dropped("vlan"), 1u);
}

TEST_F(PodGuardTest, LeavesPortsAloneThatItWasNotToldOf) {
  ASSERT_TRUE(pin("a"));
  in_pod("b", "ip link set eth0 address 02:00:00:00:09:09");

  EXPECT_TRUE(pings("b", "10.32.0.1"));
  EXPECT_EQ(loop->run([this] { return guard->unguarded_ports().value(); }),
            std::vector<std::string>{"vethweplb"});
}

TEST_F(PodGuardTest, CanBeLifted) {
  pin_both();
  in_pod("b", "ip link set eth0 address 02:00:00:00:09:09");
  ASSERT_FALSE(pings("b", "10.32.0.1"));

  ASSERT_TRUE(loop->run([this] { return guard->release("vethweplb"); }));

  // The first ping's question was dropped; the kernel asks again a second later. Then a second ping
  // may have been sent, and both be answered.
  const std::string answer = in_pod("b", "ping -c 1 -w 10 10.32.0.1");
  EXPECT_NE(answer.find(" bytes from 10.32.0.1"), std::string::npos) << answer;
}

TEST_F(PodGuardTest, RefusesTheMacOfAnotherPort) {
  ASSERT_TRUE(pin("a"));

  const auto refused = loop->run(
      [this] { return guard->guard({"vethweplb", net::parse_mac(mac("a")).value(), {}}); });

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
}

TEST_F(PodGuardTest, GivesTheMacOfAPortThatIsGoneToTheNext) {
  ASSERT_TRUE(pin("a"));

  const auto guarded = loop->run([this] {
    run("ip link del vethwepla");  // on the loop's thread: it has not noticed yet
    return guard->guard({"vethweplb", net::parse_mac(mac("a")).value(), {}});
  });

  EXPECT_TRUE(guarded);
}

TEST_F(PodGuardTest, OutlivesTheProcessAndIsTakenOver) {
  pin_both();
  const auto before = loop->run([this] { return guard->pods(); });
  stop();
  EXPECT_FALSE(in_pod("b", "true") != "" || pings("b", "-I 10.32.0.10 10.32.0.1"));
  run("ip link del vethwepla");

  start();

  EXPECT_EQ(loop->run([this] { return guard->pods(); }), std::vector{before.back()});
  EXPECT_TRUE(loop->run([this] { return guard->differences().value(); }).empty());
}

TEST_F(PodGuardTest, ForgetsAPodWhoseInterfaceIsGone) {
  pin_both();

  run("ip link del vethwepla");

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (loop->run([this] { return guard->pods().size(); }) != 1 &&
         std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(loop->run([this] { return guard->pods().size(); }), 1u);
  EXPECT_EQ(run("nft list set bridge weft-pods macs").find("vethwepla"), std::string::npos);
}

TEST_F(PodGuardTest, RestoresWhatOthersFlush) {
  pin_both();

  run("nft flush ruleset");

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (loop->run([this] { return guard->repairs(); }) == 0 &&
         std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(loop->run([this] { return guard->differences().value(); }).empty());
  in_pod("b", "ip link set eth0 address 02:00:00:00:09:09");
  EXPECT_FALSE(pings("b", "10.32.0.1"));
}

TEST_F(PodGuardTest, SaysWhatIsNotAsItShouldBe) {
  pin_both();
  const auto differences = [this] {
    return loop->run([this] { return guard->differences().value(); });
  };
  EXPECT_TRUE(differences().empty());

  stop();
  run("nft add table bridge weft-pods '{ flags dormant; }'; "
      "nft add rule bridge weft-pods from_pod accept; "
      "nft flush set bridge weft-pods ports");
  loop.emplace();
  guard.emplace(*loop, host.as_host().log(), host.as_host().metrics());
  ASSERT_TRUE(loop->run([this] { return guard->start(); }));
  EXPECT_TRUE(differences().empty()) << "a start puts everything right";
  run("nft delete table bridge weft-pods");
  const auto found = loop->run([this] { return guard->differences().value(); });
  EXPECT_TRUE(found.size() == 1 || guard->repairs() == 1) << found.size();
}

}  // namespace
}  // namespace weft::cni
