/// Whole nodes in a simulated world.

#include "gossip/testing/sim_mesh.hpp"

#include "gossip/gossip.hpp"

namespace weft::gossip {
namespace {

constexpr std::uint8_t established_subtag = 1;

class Connected final : public SwitchedConnection {
 public:
  Connected(StandInSwitch& owner, const OverlayLink& link, SwitchCallbacks callbacks)
      : owner_(owner), link_(link), callbacks_(std::move(callbacks)) {}

  void confirm() override { callbacks_.control(0, established_subtag, {}); }
  void on_control(std::uint8_t, std::uint8_t, ByteView body) override {
    ++owner_.controls;
    if (owner_.answer_bytes != 0) {
      callbacks_.control(0, established_subtag, Bytes(owner_.answer_bytes));
    }
    if (body.empty() && !is_established_) {
      is_established_ = true;
      callbacks_.established();
    }
  }
  [[nodiscard]] OverlayStatus status() const override {
    return {"sleeve", 1400, link_.session_key.has_value(), is_established_};
  }

 private:
  StandInSwitch& owner_;
  OverlayLink link_;
  SwitchCallbacks callbacks_;
  bool is_established_ = false;
};

}  // namespace

Result<std::unique_ptr<SwitchedConnection>> StandInSwitch::prepare(
    const OverlayLink& link, const std::vector<std::string>& remote_overlays, Loop& /*loop*/,
    SwitchCallbacks callbacks) {
  links.push_back(link);
  if (remote_overlays != overlays()) {
    return fail(Errc::unsupported, "find overlays in common with peer");
  }
  return std::make_unique<Connected>(*this, link, std::move(callbacks));
}

SimNode::SimNode(testing::SimWorld& world, std::uint64_t name, net::IpAddress address,
                 Options options)
    : host_(world, {PeerName{name}, "node" + std::to_string(name), {}, {}}, {address},
            options.disk) {
  overlays.name = options.overlay;
  host_.loop().run([&] {
    WEFT_CHECK(host_.services().provide<OverlaySwitch>(overlays), "the test provides overlays");
    down_ = host_.bus().subscribe<events::PeerDown>(
        [this](const auto& peer) { gone.insert(peer.name); });
    up_ =
        host_.bus().subscribe<events::PeerUp>([this](const auto& peer) { seen.insert(peer.name); });
    routes_ = host_.bus().subscribe<events::RoutesChanged>([this](const auto& event) {
      ++route_changes;
      routes = event.routes;
    });
  });
  host_.start<Gossip>("gossip", options.settings);
  host_.loop().run([&] { mesh_ = *host_.services().require<Mesh>(); });
}

std::size_t SimNode::reachable() const {
  return mesh_->routes()->unicast.size();
}

std::size_t SimNode::neighbours() const {
  std::size_t count = 0;
  for (const auto& route : mesh_->routes()->unicast) {
    count += route.via == route.destination ? 1U : 0U;
  }
  return count;
}

std::optional<PeerName> SimNode::via(std::uint64_t to) const {
  for (const auto& route : mesh_->routes()->unicast) {
    if (route.destination == PeerName{to}) {
      return route.via;
    }
  }
  return std::nullopt;
}

std::uint64_t SimNode::dropped(const std::string& reason) {
  return counted("weft_gossip_connections_dropped_total", "Connections ended, by reason.",
                 {{"reason", reason}});
}

std::uint64_t SimNode::counted(std::string name, std::string help, MetricLabels labels) {
  return host_.metrics().counter(std::move(name), std::move(help), std::move(labels)).value();
}

SimNode& SimMesh::add(std::uint64_t number, SimNode::Options options) {
  options.settings.insert(options.settings.begin(),
                          {"peers", std::vector<std::string>{"10.0.0.1"}});
  return add_as(number, number, std::move(options));
}

SimNode& SimMesh::add_as(std::uint64_t number, std::uint64_t name, SimNode::Options options) {
  nodes.push_back(std::make_unique<SimNode>(world, name, address(number), std::move(options)));
  return *nodes.back();
}

bool SimMesh::converge(Duration limit) {
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

}  // namespace weft::gossip
