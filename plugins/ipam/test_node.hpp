#pragma once
/// A node that runs the plugin, with a mesh and a bridge that a test plays.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/events/address.hpp>
#include <weft/testing/fake_host.hpp>

#include "ipam/ipam_plugin.hpp"

namespace weft::ipam::test {

using testing::FakeHost;
using testing::SimWorld;

inline constexpr PeerName us{1};

/// A mesh of this node and peers that a test speaks for.
class FakeMesh final : public Mesh {
 public:
  Result<std::unique_ptr<GossipChannel>> join(std::string name, GossipHandler& handler,
                                              Loop& loop) override {
    EXPECT_EQ(name, "IPallocation");
    handler_ = &handler;
    loop_ = &loop;
    return std::make_unique<Channel>(*this);
  }
  PeerName self() const noexcept override { return us; }
  std::shared_ptr<const Topology> topology() const override {
    auto snapshot = std::make_shared<Topology>();
    snapshot->self = us;
    snapshot->peers = peers;
    return snapshot;
  }
  std::shared_ptr<const Routes> routes() const override { return std::make_shared<Routes>(); }
  void connect(std::vector<std::string> /*peers*/, bool /*replace*/, Reply<> reply) override {
    reply({});
  }
  void forget(std::vector<std::string> /*peers*/, Reply<> reply) override { reply({}); }

  GossipHandler* handler_ = nullptr;  // null when nobody is in the channel
  Loop* loop_ = nullptr;
  std::vector<Topology::Peer> peers{{us, "node1", 7, 1, {}, {}}};
  std::vector<std::pair<PeerName, Bytes>> unicasts;
  int broadcasts = 0;

 private:
  class Channel final : public GossipChannel {
   public:
    explicit Channel(FakeMesh& mesh) : mesh_(mesh) {}
    ~Channel() override { mesh_.handler_ = nullptr; }
    void unicast(PeerName destination, Bytes payload, Reply<> sent) override {
      mesh_.unicasts.emplace_back(destination, std::move(payload));
      sent({});
    }
    void broadcast_state() override { ++mesh_.broadcasts; }

   private:
    FakeMesh& mesh_;
  };
};

inline net::Cidr cidr(const char* text) {
  return *net::parse_cidr(text);
}

/// A bridge in memory, which does what it is told unless it is failing.
class FakeBridge final : public BridgeV2 {
 public:
  void info(Reply<BridgeInfo> reply) override { reply(BridgeInfo{"weave", {}, 1376, addresses}); }
  void expose(net::Cidr address, bool masquerade, Reply<> reply) override {
    ++asked;
    if (is_failing) {
      reply(fail(EPERM, "add address"));
      return;
    }
    if (std::ranges::find(addresses, address) == addresses.end()) {
      addresses.push_back(address);
    }
    is_masqueraded = masquerade;
    named.push_back(address);
    reply({});
  }
  void restore(net::Cidr address, Reply<> reply) override {
    expose(address, true, std::move(reply));
  }
  void hide(net::Cidr address, Reply<> reply) override {
    std::erase(addresses, address);
    reply({});
  }

  void pods(Reply<std::vector<BridgePod>> reply) override { reply(attached); }

  std::vector<net::Cidr> addresses;
  std::vector<BridgePod> attached;
  bool is_masqueraded = false;
  bool is_failing = false;
  int asked = 0;                 ///< how often to expose something
  std::vector<net::Cidr> named;  ///< exposed or restored, in this order
};

/// A node with a mesh, and what it publishes.
struct Fixture {
  explicit Fixture(SimWorld& world, std::shared_ptr<testing::MemoryDisk> disk =
                                        std::make_shared<testing::MemoryDisk>())
      : host(world, NodeInfo{us, "node1", {}, {}}, {}, std::move(disk)) {
    EXPECT_TRUE(host.services().provide<Mesh>(mesh));
    ranges = host.bus().subscribe<events::LocalRangesChanged>(
        [this](const events::LocalRangesChanged& event) { published = event.ranges; });
  }

  Ipam& start(const testing::Settings& settings = {}) {
    host.start<IpamPlugin>("ipam", settings);
    return **host.services().require<Ipam>();
  }

  Result<net::Cidr> allocate(Ipam& ipam, std::string owner, std::optional<net::Cidr> subnet = {}) {
    const auto subnets = subnet ? std::vector{*subnet} : std::vector<net::Cidr>{};
    return host
        .await<std::vector<AllocatedAddress>>([&](Reply<std::vector<AllocatedAddress>> reply) {
          ipam.allocate(std::move(owner), subnets, std::move(reply));
        })
        .map([](const auto& allocated) { return allocated.at(0).address; });
  }

  FakeMesh mesh;
  FakeHost host;
  std::vector<net::Cidr> published;
  Subscription ranges;
};

}  // namespace weft::ipam::test
