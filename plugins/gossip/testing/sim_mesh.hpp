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

namespace weft::gossip {

/// An overlay that establishes once each side heard the other over mesh control messages.
class StandInSwitch final : public OverlaySwitch {
 public:
  [[nodiscard]] std::vector<std::string> overlays() const override { return {name}; }

  [[nodiscard]] Result<std::unique_ptr<SwitchedConnection>> prepare(
      const OverlayLink& link, const std::vector<std::string>& remote_overlays, Loop& loop,
      SwitchCallbacks callbacks) override;

  std::string name = "sleeve";
  std::vector<OverlayLink> links;  ///< every one asked for
  std::size_t controls = 0;        ///< control messages that came
  std::size_t answer_bytes = 0;    ///< to answer each of them with, if any
};

/// A node of the simulated mesh.
class SimNode {
 public:
  struct Options {
    testing::Settings settings;
    std::string overlay = "sleeve";
    std::shared_ptr<testing::MemoryDisk> disk = std::make_shared<testing::MemoryDisk>();
  };

  SimNode(testing::SimWorld& world, std::uint64_t name, net::IpAddress address, Options options);

  [[nodiscard]] Mesh& mesh() noexcept { return *mesh_; }
  [[nodiscard]] testing::FakeHost& host() noexcept { return host_; }
  [[nodiscard]] std::shared_ptr<const Topology> topology() const { return mesh_->topology(); }

  /// Peers to which frames can go.
  [[nodiscard]] std::size_t reachable() const;
  /// Peers to which frames go directly.
  [[nodiscard]] std::size_t neighbours() const;
  [[nodiscard]] std::optional<PeerName> via(std::uint64_t to) const;
  [[nodiscard]] std::uint64_t dropped(const std::string& reason);
  [[nodiscard]] std::uint64_t counted(std::string name, std::string help, MetricLabels labels = {});

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

  SimNode& add(std::uint64_t number, SimNode::Options options = {});
  SimNode& add_as(std::uint64_t number, std::uint64_t name, SimNode::Options options);
  [[nodiscard]] static net::IpAddress address(std::uint64_t number) {
    return net::IpAddress::v4(0x0A000000U + static_cast<std::uint32_t>(number));
  }
  /// Runs until every node reaches every other directly.
  bool converge(Duration limit);

  testing::SimWorld world;
  std::vector<std::unique_ptr<SimNode>> nodes;
};

}  // namespace weft::gossip
