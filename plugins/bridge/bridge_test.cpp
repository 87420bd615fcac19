/// The bridge and the router's port against the running kernel, in a namespace of their own.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include <weft/netlink/link.hpp>
#include <weft/netlink/message.hpp>
#include <weft/testing/fake_lanes.hpp>

#include <weft/overlay/fragment.hpp>
#include <weft/overlay/too_big.hpp>

#include "bridge/bridged_iptables.hpp"
#include "bridge/linux_bridge.hpp"
#include "bridge/tap_port.hpp"
#include "interop/frames.hpp"
#include "runtime/metrics/registry.hpp"
#include "shell.hpp"

namespace weft::bridge {
namespace {

using weft::testing::run;

/// Keeps what the port captured.
class RecordingDataplane final : public Dataplane {
 public:
  void from_bridge(Lane& /*lane*/, std::span<const Frame> batch) noexcept override {
    for (const Frame& frame : batch) {
      frames.emplace_back(frame.bytes().begin(), frame.bytes().end());
      offloads.push_back(frame.offload);
      EXPECT_GE(frame.headroom, frame_headroom);
    }
  }
  void from_overlay(Lane& /*lane*/, const OverlayBatch& /*batch*/) noexcept override {}
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  [[nodiscard]] bool has(const Bytes& frame) const {
    return std::ranges::find(frames, frame) != frames.end();
  }

  std::vector<Bytes> frames;
  std::vector<Offload> offloads;
};

/// An AF_PACKET socket on one interface.
class Wire {
 public:
  explicit Wire(int link) : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = link;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Wire() { ::close(fd_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void send(const Bytes& frame) const {
    EXPECT_EQ(::send(fd_, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  /// The next of `frames` to arrive; empty when none does within a second.
  [[nodiscard]] Bytes next_of(std::initializer_list<Bytes> frames) const {
    Bytes buffer(2048);
    pollfd wait{fd_, POLLIN, 0};
    while (::poll(&wait, 1, 1000) > 0) {
      const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      for (const Bytes& frame : frames) {
        if (got == static_cast<ssize_t>(frame.size()) &&
            std::equal(frame.begin(), frame.end(), buffer.begin())) {
          return frame;
        }
      }
    }
    return {};
  }
  /// Whether `frame` arrives within a second.
  [[nodiscard]] bool receives(const Bytes& frame) const { return !next_of({frame}).empty(); }

 private:
  int fd_;
};

/// A frame of an experimental ethertype, so that nothing else looks like it.
Bytes make_frame(std::uint64_t destination, std::uint64_t source, std::size_t bytes = 100) {
  Bytes frame(bytes, std::byte{0x5A});
  std::ranges::copy(net::Mac::from_value(destination).octets, frame.begin());
  std::ranges::copy(net::Mac::from_value(source).octets, frame.begin() + 6);
  store_be<std::uint16_t>(frame.data() + 12, 0x88B5);
  return frame;
}

constexpr std::uint32_t mtu = 1376;
constexpr std::uint64_t everyone = 0xFFFFFFFFFFFF;
constexpr std::uint64_t pod_mac = 0x020000000011;
constexpr std::uint64_t remote_mac = 0x020000000022;

class BridgeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "cannot use /dev/net/tun: " << std::strerror(errno);
    }
    route_.emplace(nl::Socket::open(NETLINK_ROUTE).value());
    bridge_.emplace(LinuxBridge::open({"weave", mac_, mtu, "vethwe-tap"}).value());
  }

  /// A bridge with the router's port and one pod.
  void build() {
    const auto ensured = bridge_->ensure();
    ASSERT_TRUE(ensured) << ensured.error().message();
    auto tap = open_tap("vethwe-tap", lanes_.count());
    ASSERT_TRUE(tap) << tap.error().message();
    port_ = std::make_shared<TapPort>(*std::move(tap), mtu, metrics_);
    const auto attached = bridge_->attach_port();
    ASSERT_TRUE(attached) << attached.error().message();
    readers_.emplace(*port_, lanes_, dataplane_);
    ASSERT_TRUE(nl::create_veth(*route_, {.name = "host0"}, {.name = "pod0"}));
    const int bridge = bridge_->link()->index;
    ASSERT_TRUE(nl::change_link(*route_, index("host0"), {.master = bridge, .up = true}));
    ASSERT_TRUE(nl::change_link(*route_, index("pod0"), {.up = true}));
    for (const char* const name : {"host0", "pod0", "vethwe-tap"}) {
      ASSERT_TRUE(transmits(name)) << name;
    }
  }

  /// A link that just came up discards what it sends until the kernel got round to it, which takes
  /// a second on a busy machine.
  bool transmits(const std::string& name) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    do {
      ::ioctl(fd, SIOCGIFFLAGS, &request);
    } while ((request.ifr_flags & IFF_RUNNING) == 0 && std::chrono::steady_clock::now() < deadline);
    ::close(fd);
    // The kernel holds the same lock until queues are there.
    return (request.ifr_flags & IFF_RUNNING) != 0 &&
           nl::change_link(*route_, index(name), {.up = true}).has_value();
  }

  int index(std::string_view name) { return nl::require_link(*route_, name)->index; }

  /// Turns the lane until `frame` was captured; false after a second.
  bool captures(const Bytes& frame) {
    for (int i = 0; i < 200 && !dataplane_.has(frame); ++i) {
      pollfd wait{port_->tap().queues.front().fd(), POLLIN, 0};
      ::poll(&wait, 1, 5);
      lanes_.cycle();
    }
    return dataplane_.has(frame);
  }

  const net::Mac mac_ = net::parse_mac("02:00:00:00:00:01").value();
  testing::FakeLanes lanes_;
  MetricRegistry metrics_;
  RecordingDataplane dataplane_;
  std::optional<nl::Socket> route_;
  std::optional<LinuxBridge> bridge_;
  std::shared_ptr<TapPort> port_;
  std::optional<PortReaders> readers_;
};

TEST_F(BridgeTest, CreatesTheBridgeWithNameMacAndMtu) {
  build();

  const nl::Link link = bridge_->link().value();
  EXPECT_EQ(link.kind, "bridge");
  EXPECT_EQ(link.mac, mac_);
  EXPECT_EQ(link.mtu, 1376u);
  EXPECT_TRUE(link.is_up);
  EXPECT_EQ(bridge_->port()->master, link.index);
  EXPECT_TRUE(bridge_->port()->is_up);
  std::string forwarding;
  std::ifstream("/proc/sys/net/ipv4/ip_forward") >> forwarding;
  EXPECT_EQ(forwarding, "1");
}

/// MACs that the kernel's bridge learned, which are not those of its own ports.
std::size_t learned_macs(nl::Socket& route) {
  nl::Message dump{RTM_GETNEIGH, NLM_F_DUMP};
  dump.extra_header<ndmsg>().ndm_family = AF_BRIDGE;
  std::set<std::pair<int, std::string>> macs;
  EXPECT_TRUE(route.query(
      dump,
      [&](const nlmsghdr& message) {
        const auto* const entry = nl::extra_header<ndmsg>(message);
        if (entry == nullptr || (entry->ndm_state & NUD_PERMANENT) != 0) {
          return;
        }
        nl::AttributeReader attributes(message, sizeof(ndmsg));
        while (const auto attribute = attributes.next()) {
          if (attribute->type == NDA_LLADDR) {
            macs.emplace(entry->ndm_ifindex, as_text(attribute->value));
          }
        }
      },
      "list what the bridge learned"));
  return macs.size();
}

TEST_F(BridgeTest, ThePodsOfABridgeCannotFillTheKernelsMemoryWithMacs) {
  utsname system{};
  ASSERT_EQ(::uname(&system), 0);
  unsigned major = 0;
  unsigned minor = 0;
  ASSERT_EQ(std::sscanf(system.release, "%u.%u", &major, &minor), 2);
  if (std::pair{major, minor} < std::pair{6U, 7U}) {
    GTEST_SKIP() << "Linux " << system.release << " does not bound what a bridge learns";
  }
  bridge_.emplace(LinuxBridge::open({"weave", mac_, mtu, "vethwe-tap", 16}).value());
  build();
  const Wire pod(index("pod0"));
  for (std::uint64_t i = 0; i < 100; ++i) {
    pod.send(make_frame(everyone, pod_mac + i));
  }
  ASSERT_TRUE(captures(make_frame(everyone, pod_mac + 99)));

  EXPECT_EQ(learned_macs(*route_), 16u);
}

TEST_F(BridgeTest, AdoptsTheBridgeOfAnEarlierRunWithPodsAndAddresses) {
  build();
  const auto address = net::parse_cidr("10.32.0.1/12").value();
  ASSERT_TRUE(bridge_->add_address(address));
  readers_.reset();
  port_.reset();  // the node stops: the port goes, the bridge stays
  EXPECT_FALSE(nl::find_link(*route_, "vethwe-tap").value());

  auto again = LinuxBridge::open({"weave", mac_, 1376, "vethwe-tap"}).value();
  ASSERT_TRUE(again.ensure());

  EXPECT_EQ(nl::require_link(*route_, "host0")->master, again.link()->index);
  EXPECT_EQ(again.addresses().value(), std::vector{address});
}

TEST_F(BridgeTest, KeepsItsMtuWhenAPortWithLessJoins) {
  build();
  ASSERT_EQ(run("ip link add low type veth peer name low1; ip link set low mtu 1000 master weave"),
            "");
  EXPECT_EQ(bridge_->link()->mtu, mtu);
}

TEST_F(BridgeTest, RefusesANameThatBelongsToSomethingElse) {
  ASSERT_TRUE(nl::create_veth(*route_, {.name = "weave"}, {.name = "other"}));

  const auto ensured = bridge_->ensure();

  ASSERT_FALSE(ensured);
  EXPECT_EQ(ensured.error().code, make_error_code(Errc::conflict));
}

TEST_F(BridgeTest, NamesWhatElseHasTheNameOfTheRoutersPortAndLeavesNoBridge) {
  ASSERT_EQ(run("ip link add vethwe-tap type bridge"), "");

  const auto ensured = bridge_->ensure();

  ASSERT_FALSE(ensured);
  EXPECT_EQ(ensured.error().code, make_error_code(Errc::conflict));
  EXPECT_EQ(ensured.error().context,
            "use 'vethwe-tap' as the router's port: a link of kind 'bridge' of another program has "
            "that name; rename it (ip link set vethwe-tap name OTHER) or remove it (ip link delete "
            "vethwe-tap)");
  EXPECT_FALSE(bridge_->link());
}

TEST_F(BridgeTest, SaysThatAnotherProgramHasATapOfTheRoutersPortsName) {
  ASSERT_EQ(run("ip tuntap add vethwe-tap mode tap"), "");

  const auto tap = open_tap("vethwe-tap", 1);

  ASSERT_FALSE(tap);
  EXPECT_NE(tap.error().context.find("another program has a tun or tap device of that name"),
            std::string::npos)
      << tap.error().context;
}

TEST_F(BridgeTest, DoesNotTakeWhatReplacedTheRoutersPort) {
  build();
  readers_.reset();
  port_.reset();
  ASSERT_EQ(run("ip link add vethwe-tap type bridge"), "");

  EXPECT_EQ(bridge_->check().error().code, make_error_code(Errc::conflict));

  EXPECT_EQ(nl::require_link(*route_, "vethwe-tap")->master, 0);
}

TEST_F(BridgeTest, NamesWhatElseHasTheNameOfTheWayToADatapath) {
  build();
  for (const std::string name : {"vethwe-bridge", "vethwe-datapath"}) {
    ASSERT_EQ(run("ip link add " + name + " type bridge"), "");

    const auto attached = bridge_->attach_datapath();

    ASSERT_FALSE(attached) << name;
    EXPECT_NE(attached.error().context.find("'" + name + "'"), std::string::npos)
        << attached.error().context;
    EXPECT_NE(attached.error().context.find("a link of kind 'bridge'"), std::string::npos)
        << attached.error().context;
    ASSERT_EQ(run("ip link delete " + name), "");
  }
}

TEST_F(BridgeTest, CapturesWhatPodsSendToTheNetwork) {
  build();
  const Bytes frame = make_frame(everyone, pod_mac);

  Wire{index("pod0")}.send(frame);

  EXPECT_TRUE(captures(frame));
}

TEST_F(BridgeTest, PutsFramesOnTheBridge) {
  build();
  const Wire pod{index("pod0")};
  Bytes octets = make_frame(everyone, remote_mac, 1390);
  const Frame frame{octets.data(), static_cast<std::uint32_t>(octets.size()), 0, {}};

  EXPECT_EQ(port_->inject(lanes_.lane(), {&frame, 1}), 1u);
  port_->flush(lanes_.lane());

  EXPECT_TRUE(pod.receives(octets));
}

TEST_F(BridgeTest, AnswersPacketsAboveThePodsMtuThatMustNotBeCut) {
  build();
  const Wire pod{index("pod0")};
  Bytes octets = weft::frames::ipv4_frame(mtu + 1, true);
  const Frame frame{octets.data(), static_cast<std::uint32_t>(octets.size()), 0, {}};
  Bytes report(overlay::max_report_bytes);
  report.resize(overlay::write_too_big_report(octets, mtu, report));

  EXPECT_EQ(port_->inject(lanes_.lane(), {&frame, 1}), 1u);
  port_->flush(lanes_.lane());

  EXPECT_TRUE(captures(report));
  EXPECT_EQ(port_->counters().too_big.value(), 1u);
  EXPECT_EQ(port_->counters().written_frames.value(), 0u);
}

TEST_F(BridgeTest, CutsPacketsAboveThePodsMtu) {
  build();
  const Wire pod{index("pod0")};
  Bytes octets = weft::frames::ipv4_frame(mtu + 100, false);
  const auto broadcast = net::Mac::from_value(everyone).octets;
  std::ranges::copy(broadcast, octets.begin());
  const Frame frame{octets.data(), static_cast<std::uint32_t>(octets.size()), 0, {}};
  const auto packet = overlay::parse_ipv4(octets);
  const overlay::Fragmenter pieces(octets, *packet, mtu);
  ASSERT_EQ(pieces.count(), 2u);
  Bytes last(pieces.max_bytes());
  last.resize(pieces.write(1, last));

  EXPECT_EQ(port_->inject(lanes_.lane(), {&frame, 1}), 1u);
  port_->flush(lanes_.lane());

  EXPECT_TRUE(pod.receives(last));
  EXPECT_EQ(port_->counters().written_frames.value(), 2u);
  EXPECT_EQ(port_->counters().written_oversized.value(), 0u);
}

TEST_F(BridgeTest, CountsFramesThatPodsInterfacesAreTooSmallFor) {
  build();
  ASSERT_TRUE(nl::change_link(*route_, index("host0"), {.mtu = mtu}));
  ASSERT_TRUE(nl::change_link(*route_, index("pod0"), {.mtu = mtu}));
  const Wire pod{index("pod0")};
  Bytes fits = make_frame(everyone, remote_mac, mtu + 18);
  Bytes exceeds = make_frame(everyone, remote_mac, mtu + 19);
  const std::array frames{Frame{exceeds.data(), static_cast<std::uint32_t>(exceeds.size()), 0, {}},
                          Frame{fits.data(), static_cast<std::uint32_t>(fits.size()), 0, {}}};

  EXPECT_EQ(port_->inject(lanes_.lane(), frames), 2u);
  port_->flush(lanes_.lane());

  EXPECT_EQ(pod.next_of({exceeds, fits}), fits);  // the kernel's limit is where we think it is
  EXPECT_EQ(port_->counters().written_oversized.value(), 1u);
}

TEST_F(BridgeTest, AFrameTheKernelRejectsDoesNotHoldUpTheNext) {
  build();
  const Wire pod{index("pod0")};
  Bytes octets = make_frame(everyone, remote_mac);
  const std::array frames{Frame{octets.data(), 3, 0, {}},
                          Frame{octets.data(), static_cast<std::uint32_t>(octets.size()), 0, {}}};

  EXPECT_EQ(port_->inject(lanes_.lane(), frames), 2u);
  port_->flush(lanes_.lane());

  EXPECT_TRUE(pod.receives(octets));
  EXPECT_EQ(port_->counters().write_errors.value(), 1u);
}

TEST_F(BridgeTest, PutsBackWhatOthersTookDownDetachedOrMisconfigured) {
  build();
  ASSERT_TRUE(bridge_->check()->warnings.empty());
  const int bridge = bridge_->link()->index;
  const int port = bridge_->port()->index;
  ASSERT_TRUE(nl::set_hairpin(*route_, port, true));
  ASSERT_EQ(bridge_->check()->warnings.size(), 1u);
  EXPECT_FALSE(bridge_->port()->is_hairpin);

  ASSERT_TRUE(nl::change_link(*route_, bridge, {.up = false}));
  ASSERT_TRUE(nl::change_link(*route_, port, {.master = 0, .up = false}));
  EXPECT_GE(bridge_->check()->warnings.size(), 3u);  // the bridge's MTU may have changed, too

  EXPECT_TRUE(bridge_->link()->is_up);
  EXPECT_TRUE(bridge_->port()->is_up);
  EXPECT_EQ(bridge_->port()->master, bridge);
  EXPECT_TRUE(bridge_->check()->warnings.empty());
}

class BridgeSettingsTest : public BridgeTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(BridgeSettingsTest, IsPutBackAndSaidOnce) {
  build();
  ASSERT_TRUE(bridge_->check()->warnings.empty());

  ASSERT_EQ(run(GetParam()), "");

  EXPECT_EQ(bridge_->check().value().warnings.size(), 1u);
  EXPECT_TRUE(bridge_->check().value().warnings.empty());
}

INSTANTIATE_TEST_SUITE_P(Others, BridgeSettingsTest,
                         ::testing::Values("sysctl -qw net.ipv4.ip_forward=0",
                                           "sysctl -qw net.ipv4.conf.weave.forwarding=0",
                                           "ip link add up0 type bridge && ip link set up0 up && "
                                           "ip route add default dev up0 && "
                                           "sysctl -qw net.ipv4.conf.up0.forwarding=0",
                                           "ip link set weave type bridge stp_state 1",
                                           "ip link set weave mtu 1300",
                                           "ip link set weave arp off",
                                           "bridge link set dev vethwe-tap isolated on",
                                           "bridge link set dev vethwe-tap learning off",
                                           "bridge link set dev vethwe-tap flood off",
                                           "bridge link set dev vethwe-tap mcast_flood off",
                                           "bridge link set dev vethwe-tap bcast_flood off",
                                           "bridge link set dev vethwe-tap neigh_suppress on",
                                           "bridge link set dev vethwe-tap guard on",
                                           "bridge link set dev vethwe-tap state 0"));

TEST_F(BridgeTest, TakesAnotherMtuForPodsToCome) {
  build();

  bridge_->set_mtu(1192);
  port_->set_mtu(1192);
  ASSERT_TRUE(bridge_->attach_port());

  EXPECT_EQ(bridge_->link()->mtu, 1192U);
  const auto repair = bridge_->check();
  ASSERT_TRUE(repair);
  EXPECT_EQ(bridge_->link()->mtu, 1192U) << "and keeps it";
}

TEST_F(BridgeTest, PutsBackTheMtuOfThePort) {
  build();

  ASSERT_EQ(run("ip link set vethwe-tap mtu 1300"), "");

  EXPECT_FALSE(bridge_->check()->warnings.empty());  // the bridge's may have followed it
  EXPECT_EQ(bridge_->port()->mtu, mtu);
  EXPECT_EQ(bridge_->link()->mtu, mtu);
  EXPECT_TRUE(bridge_->check()->warnings.empty());
}

TEST(LinkSettings, NamesWhatDiffersAndPassesOverWhatTheKernelDoesNotKnow) {
  const LinkSettings found{{{IFLA_BR_STP_STATE, 0}, {IFLA_BR_VLAN_FILTERING, 1}},
                           {{IFLA_BRPORT_ISOLATED, 1}, {IFLA_BRPORT_LEARNING, 1}}};

  const auto bridge = differing_settings(found, LinkRole::bridge);
  const auto port = differing_settings(found, LinkRole::port);

  ASSERT_EQ(bridge.size(), 1u);
  EXPECT_EQ(bridge.front().attribute, IFLA_BR_VLAN_FILTERING);
  ASSERT_EQ(port.size(), 1u);
  EXPECT_EQ(port.front().attribute, IFLA_BRPORT_ISOLATED);
}

TEST_F(BridgeTest, PutsBackTheEndsOfTheWayToADatapath) {
  build();
  ASSERT_TRUE(bridge_->attach_datapath());
  ASSERT_TRUE(bridge_->check()->warnings.empty());

  ASSERT_EQ(run("ip link set vethwe-datapath down && ip link set vethwe-datapath mtu 1300 && "
                "ip link set vethwe-tap down"),
            "");

  EXPECT_EQ(bridge_->check()->warnings.size(), 3u);
  EXPECT_TRUE(bridge_->check()->warnings.empty());
  ASSERT_EQ(run("ip link del vethwe-bridge"), "");
  EXPECT_EQ(bridge_->check().error().code, std::errc::no_such_device);
  ASSERT_TRUE(bridge_->attach_datapath());
  EXPECT_TRUE(bridge_->check()->warnings.empty());
}

/// As in a container: the settings can be read, and not be written.
class ReadOnlySettings {
 public:
  ReadOnlySettings() {
    EXPECT_EQ(::unshare(CLONE_NEWNS), 0);
    EXPECT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    EXPECT_EQ(::mount("/proc/sys", "/proc/sys", nullptr, MS_BIND, nullptr), 0);
    EXPECT_EQ(::mount(nullptr, "/proc/sys", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0)
        << std::strerror(errno);
  }
  ~ReadOnlySettings() { ::umount2("/proc/sys", MNT_DETACH); }
  ReadOnlySettings(const ReadOnlySettings&) = delete;
  ReadOnlySettings& operator=(const ReadOnlySettings&) = delete;
};

TEST_F(BridgeTest, StartsWhereSettingsCannotBeWrittenAndAreRight) {
  ASSERT_EQ(run("sysctl -qw net.ipv4.ip_forward=1"), "");
  const ReadOnlySettings read_only;

  build();

  const auto repair = bridge_->check();  // says what could not be tuned
  ASSERT_TRUE(repair) << repair.error().message();
  EXPECT_FALSE(repair->warnings.empty());
  EXPECT_TRUE(bridge_->check()->warnings.empty());
}

TEST_F(BridgeTest, RefusesToStartWithoutForwardingThatCannotBeSwitchedOn) {
  ASSERT_EQ(run("sysctl -qw net.ipv4.ip_forward=0"), "");
  const ReadOnlySettings read_only;

  const auto ensured = bridge_->ensure();

  ASSERT_FALSE(ensured);
  EXPECT_EQ(ensured.error().code, std::errc::read_only_file_system);
  EXPECT_NE(ensured.error().context.find("net/ipv4/ip_forward"), std::string::npos);
}

TEST_F(BridgeTest, SaysThatIptablesWasKeptFromBridgedTraffic) {
  if (run("sysctl -qw net.bridge.bridge-nf-call-iptables=1") != "") {
    GTEST_SKIP() << "this kernel has no br_netfilter";
  }
  EXPECT_FALSE(check_bridged_iptables());

  ASSERT_EQ(run("sysctl -qw net.bridge.bridge-nf-call-iptables=0"), "");

  EXPECT_EQ(check_bridged_iptables().value().remedy,
            "sysctl -w net.bridge.bridge-nf-call-iptables=1");
}

TEST_F(BridgeTest, ReportsADeletedBridge) {
  build();
  ASSERT_TRUE(nl::delete_link(*route_, bridge_->link()->index));

  EXPECT_EQ(bridge_->check().error().code, std::errc::no_such_device);
}

TEST_F(BridgeTest, TapHasAQueuePerLane) {
  const auto tap = open_tap("wt-dp-tap", 4);

  ASSERT_TRUE(tap) << tap.error().message();
  EXPECT_EQ(tap->queues.size(), 4u);
  EXPECT_NE(tap->offloads, "");
  EXPECT_FALSE(open_tap("a-name-of-sixteen", 1));
}

}  // namespace
}  // namespace weft::bridge
