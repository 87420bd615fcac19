/// Three nodes in a row, each with a real bridge, a real router's port and a pod; the kernel's own
/// TCP and UDP judge every frame. Overlays are replaced by direct calls on the same lane.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <thread>

#include <gtest/gtest.h>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/namespace.hpp>
#include <weft/testing/fake_host.hpp>

#include "bridge/linux_bridge.hpp"
#include "bridge/tap_port.hpp"
#include "fabric/dataplane.hpp"
#include "runtime/lanes/lane_set.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t overlay_mtu = 1376;
constexpr int patience_seconds = 10;

/// A network namespace without a name: it ends with its last user.
class Namespace {
 public:
  Namespace() {
    const auto scope = nl::NamespaceScope::enter("/proc/thread-self/ns/net");
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    fd_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }
  ~Namespace() { ::close(fd_); }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  [[nodiscard]] nl::NamespaceScope enter() const {
    return nl::NamespaceScope::enter("/proc/self/fd/" + std::to_string(fd_)).value();
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

/// What an overlay does, without the network between.
class DirectForwarder final : public Forwarder {
 public:
  explicit DirectForwarder(DataplaneImpl& peer) : peer_(peer) {}
  std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                      std::span<const Frame> batch) noexcept override {
    for (const Frame& frame : batch) {
      EXPECT_TRUE(frame.offload.is_plain());
      EXPECT_LE(frame.length, overlay_mtu + 14);
    }
    peer_.from_overlay(lane, {source, destination, batch});
    return batch.size();
  }

 private:
  DataplaneImpl& peer_;
};

/// A node with one pod at 10.32.0.<number>.
class Node {
 public:
  Node(testing::SimWorld& world, Lanes& lanes, std::uint8_t number)
      : name{number},
        host_(world, {.name = name, .nickname = "", .state_directory = "", .run_directory = ""}) {
    host_.loop().run([&] {
      dataplane = std::make_unique<DataplaneImpl>(name, lanes, host_.loop(), host_.bus(),
                                                  host_.metrics(), host_.as_host().log());
    });
    const auto scope = home_.enter();
    bridge_.emplace(
        bridge::LinuxBridge::open(
            {"weave", net::Mac::from_value(0x020000000000 + number), overlay_mtu, "vethwe-tap"})
            .value());
    EXPECT_TRUE(bridge_->ensure());
    port_ = std::make_shared<bridge::TapPort>(bridge::open_tap("vethwe-tap", lanes.count()).value(),
                                              overlay_mtu, host_.metrics());
    EXPECT_TRUE(bridge_->attach_port());
    dataplane->set_bridge_port(port_);
    readers_.emplace(*port_, lanes, *dataplane);
    attach_pod(number);
  }
  ~Node() {
    dataplane->set_bridge_port(nullptr);
    slots_.clear();
    host_.loop().run([this] { dataplane.reset(); });
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Before any node goes away: its lanes call into the others.
  void stop_reading() { readers_.reset(); }

  void connect(const Node& peer) {
    slots_.push_back(dataplane->open(peer.name));
    slots_.back().publish({std::make_shared<DirectForwarder>(*peer.dataplane)});
  }
  void publish(Routes routes) {
    host_.bus().publish(events::RoutesChanged{std::make_shared<const Routes>(std::move(routes))});
  }
  std::uint64_t count(std::string counter) {
    return host_.metrics().counter(std::move(counter), "", {}).value();
  }

  const PeerName name;
  Namespace pod;
  std::unique_ptr<DataplaneImpl> dataplane;

 private:
  void attach_pod(std::uint8_t number) {
    auto route = nl::Socket::open(NETLINK_ROUTE).value();
    EXPECT_TRUE(nl::create_veth(route, {.name = "host0", .mtu = overlay_mtu},
                                {.name = "eth0", .mtu = overlay_mtu, .netns_fd = pod.fd()}));
    EXPECT_TRUE(nl::change_link(route, nl::require_link(route, "host0")->index,
                                {.master = bridge_->link()->index, .up = true}));
    const auto scope = pod.enter();
    auto inside = nl::Socket::open(NETLINK_ROUTE).value();
    const int eth0 = nl::require_link(inside, "eth0")->index;
    EXPECT_TRUE(nl::change_link(inside, eth0, {.up = true}));
    EXPECT_TRUE(nl::add_address(inside, eth0, {net::IpAddress::v4(0x0A200000U + number), 12}));
  }

  testing::FakeHost host_;
  Namespace home_;
  std::optional<bridge::LinuxBridge> bridge_;
  std::shared_ptr<bridge::TapPort> port_;
  std::optional<bridge::PortReaders> readers_;
  std::vector<dataplane::ForwarderSlot> slots_;
};

sockaddr_in pod_address(std::uint8_t number, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x0A200000U + number);
  address.sin_port = htons(port);
  return address;
}

/// A socket of a pod with a deadline on everything it does.
class PodSocket {
 public:
  PodSocket(const Node& node, int type) {
    const auto scope = node.pod.enter();
    fd_ = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    limit();
  }
  explicit PodSocket(int fd) : fd_(fd) { limit(); }
  ~PodSocket() { ::close(fd_); }
  PodSocket(const PodSocket&) = delete;
  PodSocket& operator=(const PodSocket&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void bind(std::uint8_t number, std::uint16_t port) const {
    const auto address = pod_address(number, port);
    ASSERT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void connect(std::uint8_t number, std::uint16_t port) const {
    const auto address = pod_address(number, port);
    ASSERT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
        << std::strerror(errno);
  }

 private:
  void limit() const {
    const timeval patience{patience_seconds, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  int fd_ = -1;
};

Bytes pattern(std::size_t bytes) {
  Bytes result(bytes);
  std::uint32_t state = 1;
  for (std::byte& octet : result) {
    state = state * 1664525U + 1013904223U;
    octet = static_cast<std::byte>(state >> 24U);
  }
  return result;
}

class ThreeNodes : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::access("/dev/net/tun", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "needs CAP_NET_ADMIN and /dev/net/tun";
    }
    ASSERT_TRUE(lanes_.start());
    for (std::uint8_t number = 1; number <= 3; ++number) {
      nodes_.push_back(std::make_unique<Node>(world_, lanes_, number));
    }
    node(1).connect(node(2));
    node(2).connect(node(1));
    node(2).connect(node(3));
    node(3).connect(node(2));
    const PeerName a{1};
    const PeerName b{2};
    const PeerName c{3};
    node(1).publish({a, {{b, b}, {c, b}}, {{a, {b}}, {b, {}}, {c, {}}}});
    node(2).publish({b, {{a, a}, {c, c}}, {{a, {c}}, {b, {a, c}}, {c, {a}}}});
    node(3).publish({c, {{a, b}, {b, b}}, {{a, {}}, {b, {}}, {c, {b}}}});
    world_.run_for(1ms);
  }
  void TearDown() override {
    for (const auto& each : nodes_) {
      each->stop_reading();
    }
    nodes_.clear();
    lanes_.stop();
  }

  Node& node(std::size_t number) { return *nodes_[number - 1]; }

  /// Sends `bytes` over TCP from pod to pod and returns what arrived.
  Bytes transfer(std::uint8_t from, std::uint8_t to, const Bytes& bytes) {
    const PodSocket listener(node(to), SOCK_STREAM);
    listener.bind(to, 5001);
    EXPECT_EQ(::listen(listener.fd(), 1), 0);
    const PodSocket client(node(from), SOCK_STREAM);
    std::thread sender([&] {
      client.connect(to, 5001);
      for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t n =
            ::send(client.fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) {
          break;
        }
        sent += static_cast<std::size_t>(n);
      }
      ::shutdown(client.fd(), SHUT_WR);
    });
    Bytes got;
    if (const PodSocket server(::accept(listener.fd(), nullptr, nullptr)); server.fd() >= 0) {
      Bytes buffer(1 << 16);
      for (ssize_t n = 0; (n = ::recv(server.fd(), buffer.data(), buffer.size(), 0)) > 0;) {
        got.insert(got.end(), buffer.begin(), buffer.begin() + n);
      }
    }
    sender.join();
    return got;
  }

  testing::SimWorld world_;
  BlockingPool pool_;
  LaneSet lanes_{1, pool_};
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(ThreeNodes, TcpReachesANeighbourWithOffloads) {
  const Bytes sent = pattern(8 << 20U);

  EXPECT_EQ(transfer(1, 2, sent), sent);

  EXPECT_GT(node(1).count("weft_dataplane_segments_total"), 0u) << "pods kept their offloads";
}

TEST_F(ThreeNodes, TcpReachesAPeerThroughARelay) {
  const Bytes sent = pattern(8 << 20U);

  EXPECT_EQ(transfer(1, 3, sent), sent);
  EXPECT_EQ(transfer(3, 1, sent), sent);

  EXPECT_GT(node(2).count("weft_dataplane_received_frames_total"), 1000u);
}

TEST_F(ThreeNodes, SegmentedUdpArrivesAsDatagrams) {
  const PodSocket receiver(node(3), SOCK_DGRAM);
  receiver.bind(3, 5002);
  const PodSocket sender(node(1), SOCK_DGRAM);
  sender.connect(3, 5002);
  const int segment_bytes = 1200;
  if (::setsockopt(sender.fd(), IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, sizeof segment_bytes) !=
      0) {
    GTEST_SKIP() << "no UDP_SEGMENT in this kernel";
  }
  const Bytes sent = pattern(1200 * 20 + 77);

  ASSERT_EQ(::send(sender.fd(), sent.data(), sent.size(), 0), static_cast<ssize_t>(sent.size()));

  Bytes got;
  Bytes buffer(2000);
  while (got.size() < sent.size()) {
    const ssize_t n = ::recv(receiver.fd(), buffer.data(), buffer.size(), 0);
    ASSERT_GT(n, 0) << std::strerror(errno);
    ASSERT_LE(n, segment_bytes);
    got.insert(got.end(), buffer.begin(), buffer.begin() + n);
  }
  EXPECT_EQ(got, sent);
}

}  // namespace
}  // namespace weft
