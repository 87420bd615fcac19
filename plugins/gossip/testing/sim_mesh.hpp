#pragma once
/// For tests: whole nodes with the gossip plugin and a stand-in overlay, in a simulated world.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <weft/events/peer.hpp>
#include <weft/service/mesh.hpp>
#include <weft/service/overlay.hpp>
#include <weft/testing/fake_host.hpp>

#include "gossip/gossip.hpp"

namespace weft::gossip {

/// An overlay that establishes once each side heard the other over mesh control messages.
class StandInSwitch final : public OverlaySwitch {
 public:
  [[nodiscard]] std::vector<std::string> overlays() const override { return {name}; }

  [[nodiscard]] Result<std::unique_ptr<SwitchedConnection>> prepare(
      const OverlayLink& link, const std::optional<std::vector<std::string>>& remote_overlays,
      Loop& /*loop*/, SwitchCallbacks callbacks) override {
    links.push_back(link);
    if (remote_overlays && *remote_overlays != overlays()) {
      return fail(Errc::unsupported, "find overlays in common with peer");
    }
    return std::make_unique<Connected>(*this, link, std::move(callbacks));
  }

  std::string name = "sleeve";
  std::vector<OverlayLink> links;  ///< every one asked for
  std::size_t controls = 0;        ///< control messages that came
  std::size_t answer_bytes = 0;    ///< to answer each of them with, if any

 private:
  class Connected final : public SwitchedConnection {
   public:
    Connected(StandInSwitch& owner, const OverlayLink& link, SwitchCallbacks callbacks)
        : owner_(owner), link_(link), callbacks_(std::move(callbacks)) {}

    void confirm() override { callbacks_.control(Bytes(2)); }
    void on_control(ByteView body) override {
      ++owner_.controls;
      if (owner_.answer_bytes != 0) {
        callbacks_.control(Bytes(owner_.answer_bytes));
      }
      if (body.size() == 2 && !is_established_) {
        is_established_ = true;
        callbacks_.established();
      }
    }
    void on_compat_control(std::uint8_t, ByteView) override {}
    [[nodiscard]] OverlayStatus status() const override {
      return {"sleeve", 1400, link_.session_key.has_value(), is_established_};
    }

   private:
    StandInSwitch& owner_;
    OverlayLink link_;
    SwitchCallbacks callbacks_;
    bool is_established_ = false;
  };
};

/// A node of the simulated mesh.
class SimNode {
 public:
  struct Options {
    testing::Settings settings;
    std::string overlay = "sleeve";
    std::shared_ptr<testing::MemoryDisk> disk = std::make_shared<testing::MemoryDisk>();
  };

  SimNode(testing::SimWorld& world, std::uint64_t name, net::IpAddress address, Options options)
      : host_(world, {PeerName{name}, "node" + std::to_string(name), {}, {}}, {address},
              options.disk) {
    overlays.name = options.overlay;
    host_.loop().run([&] {
      WEFT_CHECK(host_.services().provide<OverlaySwitch>(overlays), "the test provides overlays");
      down_ = host_.bus().subscribe<events::PeerDown>(
          [this](const auto& peer) { gone.insert(peer.name); });
      up_ = host_.bus().subscribe<events::PeerUp>(
          [this](const auto& peer) { seen.insert(peer.name); });
      routes_ = host_.bus().subscribe<events::RoutesChanged>([this](const auto& event) {
        ++route_changes;
        routes = event.routes;
      });
    });
    host_.start<Gossip>("gossip", options.settings);
    host_.loop().run([&] { mesh_ = *host_.services().require<Mesh>(); });
  }

  [[nodiscard]] Mesh& mesh() noexcept { return *mesh_; }
  [[nodiscard]] testing::FakeHost& host() noexcept { return host_; }
  [[nodiscard]] std::shared_ptr<const Topology> topology() const { return mesh_->topology(); }

  /// Peers to which frames can go.
  [[nodiscard]] std::size_t reachable() const { return mesh_->routes()->unicast.size(); }
  /// Peers to which frames go directly.
  [[nodiscard]] std::size_t neighbours() const {
    std::size_t count = 0;
    for (const auto& route : mesh_->routes()->unicast) {
      count += route.via == route.destination ? 1U : 0U;
    }
    return count;
  }
  [[nodiscard]] std::optional<PeerName> via(std::uint64_t to) const {
    for (const auto& route : mesh_->routes()->unicast) {
      if (route.destination == PeerName{to}) {
        return route.via;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t dropped(const std::string& reason) {
    return counted("weft_gossip_connections_dropped_total", "Connections ended, by reason.",
                   {{"reason", reason}});
  }
  [[nodiscard]] std::uint64_t counted(std::string name, std::string help,
                                      MetricLabels labels = {}) {
    return host_.metrics().counter(std::move(name), std::move(help), std::move(labels)).value();
  }

  StandInSwitch overlays;
  std::set<PeerName> seen;
  std::set<PeerName> gone;
  int route_changes = 0;
  std::shared_ptr<const Routes> routes;

 private:
  testing::FakeHost host_;
  Mesh* mesh_ = nullptr;
  Subscription up_;
  Subscription down_;
  Subscription routes_;
};

/// Node i (from 1) is peer i at 10.0.0.i and knows node 1.
class SimMesh {
 public:
  explicit SimMesh(std::uint64_t seed = 1) : world(seed) {}

  SimNode& add(std::uint64_t number, SimNode::Options options = {}) {
    options.settings.insert(options.settings.begin(),
                            {"peers", std::vector<std::string>{"10.0.0.1"}});
    return add_as(number, number, std::move(options));
  }
  SimNode& add_as(std::uint64_t number, std::uint64_t name, SimNode::Options options) {
    nodes.push_back(std::make_unique<SimNode>(world, name, address(number), std::move(options)));
    return *nodes.back();
  }
  [[nodiscard]] static net::IpAddress address(std::uint64_t number) {
    return net::IpAddress::v4(0x0A000000U + static_cast<std::uint32_t>(number));
  }
  /// Runs until every node reaches every other directly.
  bool converge(Duration limit) {
    return world.run_until(
        [&] {
          for (const auto& node : nodes) {
            if (node->neighbours() + 1 != nodes.size()) {
              return false;
            }
          }
          return true;
        },
        limit);
  }

  testing::SimWorld world;
  std::vector<std::unique_ptr<SimNode>> nodes;
};

}  // namespace weft::gossip
