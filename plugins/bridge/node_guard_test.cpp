/// The guard in the running kernel: a pod, the node it runs on, another node, and an outside.

#include "node_guard.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <weft/netlink/namespace.hpp>
#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "shell.hpp"

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;
using testing::run;

constexpr auto own_address = "10.32.0.1";
constexpr auto node_address = "192.0.2.2";
constexpr auto other_address = "192.0.2.9";

/// A datagram socket in a network namespace.
class Receiver {
 public:
  Receiver(std::uint16_t port, const std::string& netns = "") {
    std::optional<nl::NamespaceScope> scope;
    if (!netns.empty()) {
      auto entered = nl::NamespaceScope::enter("/var/run/netns/" + netns);
      EXPECT_TRUE(entered);
      scope.emplace(*std::move(entered));
    }
    fd_ = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  }
  ~Receiver() { ::close(fd_); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  /// Whether something is there, or comes within a moment.
  bool got_one() const {
    pollfd entry{fd_, POLLIN, 0};
    char octet = 0;
    return ::poll(&entry, 1, 300) == 1 && ::recv(fd_, &octet, 1, 0) >= 0;
  }

 private:
  int fd_;
};

/// The test's thread is on the node, in a nameless namespace.
class NodeGuardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {  // before the loop's thread starts, which inherits it
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    if (run("ip link set lo up; sysctl -qw net.ipv6.conf.default.accept_dad=0 && "
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
            "ip link add weave type bridge && ip addr add 10.32.0.1/12 dev weave && "
            "ip addr add fd00::1/64 dev weave && ip link set weave up") != "" ||
        !add_neighbour(pod_, "vethwepl0", {"10.32.0.2/12", "fd00::2/64"}, own_address, "fd00::1") ||
        run("ip link set vethwepl0 master weave") != "" ||
        !add_neighbour(world_, "eth0", {"192.0.2.2/24", "192.0.2.9/24", "fd01::2/64"}, "192.0.2.1",
                       "fd01::1") ||
        run("ip addr add 192.0.2.1/24 dev eth0 && ip addr add fd01::1/64 dev eth0") != "") {
      GTEST_SKIP() << "cannot set up namespaces with ip(8)";
    }
    start();
  }
  void TearDown() override {
    if (loop) {
      stop();
    }
    run("ip netns del " + pod_ + "; ip netns del " + world_);
  }

  static bool add_neighbour(const std::string& netns, const std::string& link,
                            const std::vector<std::string>& addresses, const std::string& gateway4,
                            const std::string& gateway6) {
    const std::string in = "ip -n " + netns + " ";
    std::string all = "ip netns add " + netns + " && ip netns exec " + netns +
                      " sysctl -qw net.ipv6.conf.default.accept_dad=0 && ip link add " + link +
                      " type veth peer name eth0 netns " + netns + " && ip link set " + link +
                      " up && " + in + "link set lo up && " + in + "link set eth0 up";
    for (const std::string& address : addresses) {
      all += " && " + in + "addr add " + address + " dev eth0";
    }
    return run(all + " && " + in + "route add default via " + gateway4 + " && " + in +
               "-6 route add default via " + gateway6) == "";
  }

  void start() {
    loop.emplace();
    guard.emplace(*loop, host.as_host().log(), host.as_host().metrics());
    const auto started = loop->run([this] { return guard->start("weave"); });
    ASSERT_TRUE(started) << started.error().message();
  }
  void stop() {
    loop->run([this] { guard->stop(); });
    loop.reset();
    guard.reset();
  }
  /// What plugins and mesh say on a node with a neighbour.
  void learn() {
    auto topology = std::make_shared<Topology>();
    topology->self = PeerName{1};
    topology->peers = {{PeerName{1},
                        "self",
                        1,
                        1,
                        {},
                        {{PeerName{2}, std::string(node_address) + ":7000", true, true}}}};
    loop->run([&] {
      guard->add_port({"mesh", IPPROTO_TCP, 6783});
      guard->add_port({"sleeve", IPPROTO_UDP, 7777});
      guard->set_topology(topology);
    });
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (run("nft list set inet weft-nodes ports").find("7000") == std::string::npos &&
           std::chrono::steady_clock::now() < deadline) {
    }
  }

  void pod_sends(const std::string& to, std::uint16_t port) const {
    run("ip netns exec " + pod_ + " python3 -c \"import socket; socket.socket(socket." +
        (to.find(':') != std::string::npos ? "AF_INET6" : "AF_INET") +
        ", socket.SOCK_DGRAM).sendto(b'x', ('" + to + "', " + std::to_string(port) + "))\"");
  }
  std::string pod_connects(const std::string& to, std::uint16_t port) const {
    return run("ip netns exec " + pod_ + " timeout 1 bash -c '</dev/tcp/" + to + "/" +
               std::to_string(port) + "'");
  }
  std::vector<doctor::Check> checks() {
    return loop->run([this] { return guard->checks().value(); });
  }
  static bool is_wrong(const std::vector<doctor::Check>& checks, std::string_view text) {
    return std::ranges::any_of(checks, [&](const doctor::Check& check) {
      return check.state == doctor::State::wrong && check.text.find(text) != std::string::npos;
    });
  }

  std::string pod_ = "wt-pod-" + std::to_string(::getpid());
  std::string world_ = "wt-world-" + std::to_string(::getpid());
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  std::optional<NodeGuard> guard;
  std::optional<weft::testing::RunningLoop> loop;  // ends before what it runs
};

TEST_F(NodeGuardTest, PodsDoNotReachTheirNodesPorts) {
  learn();
  const Receiver sleeve(7777);
  const Receiver same_as_mesh(6783);
  const Receiver other(5353);

  for (const char* const address : {own_address, "192.0.2.1", "fd00::1", "fd01::1"}) {
    pod_sends(address, 7777);
    EXPECT_FALSE(sleeve.got_one()) << address;
    pod_sends(address, 6783);
    EXPECT_FALSE(same_as_mesh.got_one()) << address;
    pod_sends(address, 5353);
    EXPECT_TRUE(other.got_one()) << address;
  }
  // Not "refused", which a node without listener would answer.
  EXPECT_EQ(pod_connects(own_address, 6783).find("refused"), std::string::npos);
  EXPECT_NE(pod_connects(own_address, 6785).find("refused"), std::string::npos);
}

TEST_F(NodeGuardTest, PodsDoNotReachOtherNodesPorts) {
  learn();
  const Receiver mesh(6783, world_);
  const Receiver other(5353, world_);

  for (const char* const address : {node_address, "fd01::2"}) {
    pod_sends(address, 6783);
    EXPECT_FALSE(mesh.got_one()) << address;
    pod_sends(address, 5353);
    EXPECT_TRUE(other.got_one()) << address;
  }
  pod_sends(other_address, 6783);
  EXPECT_FALSE(mesh.got_one()) << "an address of the node that the mesh does not use";
}

TEST_F(NodeGuardTest, PodsReachEachOtherAtAnyPort) {
  learn();
  run("ip addr add 10.48.0.1/16 dev weave; ip -n " + pod_ + " addr add 10.48.0.2/32 dev lo; " +
      "ip route add 10.48.0.2/32 via 10.32.0.2 dev weave");
  const Receiver pod(6783, pod_);

  pod_sends("10.48.0.2", 6783);
  EXPECT_TRUE(pod.got_one());
}

TEST_F(NodeGuardTest, MasqueradeDoesNotHideAPod) {
  learn();
  run("nft 'add table ip n; add chain ip n p { type nat hook postrouting priority 100; }; "
      "add rule ip n p oifname eth0 masquerade; "
      "add chain ip n f { type filter hook forward priority -300; }; add rule ip n f accept'");
  const Receiver mesh(6783, world_);

  pod_sends(node_address, 6783);
  EXPECT_FALSE(mesh.got_one());
}

TEST_F(NodeGuardTest, RewrittenDestinationsAreSeenAsTheyBecome) {
  learn();
  run("nft 'add table ip n; add chain ip n p { type nat hook prerouting priority -100; }; "
      "add rule ip n p udp dport 80 dnat to 192.0.2.2:6783; "
      "add rule ip n p udp dport 81 redirect to :7777'");
  const Receiver mesh(6783, world_);
  const Receiver sleeve(7777);

  pod_sends(other_address, 80);
  EXPECT_FALSE(mesh.got_one());
  pod_sends(own_address, 81);
  EXPECT_FALSE(sleeve.got_one());
}

TEST_F(NodeGuardTest, APodsPortThatIsNoLongerBridgedIsNoWayIn) {
  learn();
  run("ip link set vethwepl0 nomaster; ip addr del 10.32.0.1/12 dev weave; "
      "ip addr add 10.32.0.1/12 dev vethwepl0");
  const Receiver sleeve(7777);
  const Receiver other(5353);

  pod_sends(own_address, 7777);
  EXPECT_FALSE(sleeve.got_one());
  pod_sends(own_address, 5353);
  EXPECT_TRUE(other.got_one());
}

TEST_F(NodeGuardTest, OutlivesTheProcessAndIsTakenOver) {
  learn();
  stop();
  const Receiver sleeve(7777);
  pod_sends(own_address, 7777);
  EXPECT_FALSE(sleeve.got_one());

  start();

  pod_sends(own_address, 7777);
  EXPECT_FALSE(sleeve.got_one());
  const Receiver mesh(6783, world_);
  pod_sends(node_address, 6783);
  EXPECT_FALSE(mesh.got_one());
}

TEST_F(NodeGuardTest, IsRestoredAndSaysSo) {
  learn();
  ASSERT_EQ(checks().size(), 1u);
  EXPECT_EQ(checks().front().state, doctor::State::ok) << checks().front().text;
  EXPECT_EQ(checks().front().text,
            "pods cannot reach TCP 6783, TCP 7000, UDP 6783, UDP 6784, UDP 7000, UDP 7001, UDP "
            "7777 of this node and of others");

  const auto found = loop->run([this] {
    run("nft flush ruleset");  // on the loop's thread: no repair comes in between
    return guard->checks().value();
  });
  EXPECT_TRUE(is_wrong(found, "'inet weft-nodes' is not there"));

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (checks().back().text.find("each was undone") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(checks().front().state, doctor::State::ok) << checks().front().text;
  EXPECT_EQ(checks().back().state, doctor::State::note);
}

TEST_F(NodeGuardTest, NoticesWhatMakesItsRulesIdle) {
  learn();
  const auto after = [this](const std::string& command) {
    return loop->run([&] {
      run(command);
      return guard->checks().value();
    });
  };

  EXPECT_TRUE(is_wrong(after("nft 'add table inet weft-nodes { flags dormant; }'"), "dormant"));
  EXPECT_TRUE(
      is_wrong(after("nft insert rule inet weft-nodes to_this_node accept"), "other rules"));
  EXPECT_TRUE(is_wrong(after("nft flush set inet weft-nodes ports"), "set 'ports'"));
}

}  // namespace
}  // namespace weft::bridge
