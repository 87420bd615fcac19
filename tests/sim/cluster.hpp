#pragma once
/// Nodes of a simulated cluster: each runs the real gossip and ipam plugins.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/service/ipam.hpp>
#include <weft/service/mesh.hpp>
#include <weft/testing/fake_host.hpp>
#include <weft/testing/sim_overlay_switch.hpp>

namespace weft::sim {

/// What is wrong with a run, for people.
using Violations = std::vector<std::string>;

/// A pair of nodes by index, the lower first.
using Pair = std::pair<std::size_t, std::size_t>;

/// One node. Restarting it gives it a new incarnation on the same disk.
class Node {
 public:
  Node(testing::SimWorld& world, std::size_t index);

  void start(const std::vector<std::string>& peers, bool discovers, std::size_t electors);
  void stop();

  [[nodiscard]] bool is_running() const noexcept { return host_ != nullptr; }
  [[nodiscard]] const std::string& nickname() const noexcept { return info_.nickname; }
  [[nodiscard]] PeerName name() const noexcept { return info_.name; }
  [[nodiscard]] const net::IpAddress& address() const noexcept { return address_; }

  [[nodiscard]] std::shared_ptr<const Topology> topology() const { return mesh_->topology(); }
  [[nodiscard]] std::shared_ptr<const Routes> routes() const { return mesh_->routes(); }
  [[nodiscard]] testing::FakeHost& host() noexcept { return *host_; }
  [[nodiscard]] Ipam& ipam() noexcept { return *ipam_; }

 private:
  testing::SimWorld& world_;
  NodeInfo info_;
  net::IpAddress address_;
  std::shared_ptr<testing::MemoryDisk> disk_ = std::make_shared<testing::MemoryDisk>();
  std::unique_ptr<testing::SimOverlaySwitch> overlays_;
  std::unique_ptr<testing::FakeHost> host_;
  Mesh* mesh_ = nullptr;
  Ipam* ipam_ = nullptr;
};

/// Addresses in use as their owners were told, kept by the scenario and not by the nodes. An
/// address given to two owners is a violation at once.
class AddressBook {
 public:
  void given(const net::Cidr& address, const std::string& owner, Violations& violations);
  void released(const std::string& owner);

  [[nodiscard]] std::size_t size() const noexcept { return owners_.size(); }
  [[nodiscard]] const std::map<net::IpAddress, std::string>& owners() const noexcept {
    return owners_;
  }

 private:
  std::map<net::IpAddress, std::string> owners_;
};

struct Cluster {
  explicit Cluster(std::uint64_t seed) : world(seed) {}

  /// A uniformly random index below `bound`.
  [[nodiscard]] std::size_t pick(std::size_t bound) { return world.random() % bound; }

  testing::SimWorld world;
  std::vector<std::unique_ptr<Node>> nodes;  // after the world: they go first
  AddressBook addresses;
  Violations violations;
};

}  // namespace weft::sim
