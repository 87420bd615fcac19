/// Calls from other plugins, carried to the mesh's loop.

#include "gossip/mesh_service.hpp"

#include <utility>

#include <fmt/core.h>

#include "gossip/membership.hpp"
#include "gossip/wire/topology.hpp"

namespace weft::gossip {

/// A user's end of a channel. On the user's loop.
class MeshService::Channel final : public GossipChannel {
 public:
  Channel(std::shared_ptr<Core> core, std::string name, std::shared_ptr<Membership> membership)
      : core_(std::move(core)), name_(std::move(name)), membership_(std::move(membership)) {}

  ~Channel() override {
    membership_->leave();
    Core::on_engine(core_, [name = name_](Engine& engine) { engine.channels().leave(name); });
    const std::scoped_lock lock(core_->mutex);
    core_->taken.erase(name_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void unicast(PeerName destination, Bytes payload, Reply<> sent) override {
    Core::on_engine(core_, [name = name_, destination, payload = std::move(payload),
                            sent = std::move(sent)](Engine& engine) mutable {
      engine.channels().unicast(name, destination, std::move(payload), std::move(sent));
    });
  }

  void broadcast_state() override {
    Core::on_engine(core_,
                    [name = name_](Engine& engine) { engine.channels().broadcast_state(name); });
  }

 private:
  std::shared_ptr<Core> core_;
  std::string name_;
  std::shared_ptr<Membership> membership_;
};

MeshService::MeshService(Loop& loop, PeerName self)
    : self_(self), core_(std::make_shared<Core>(loop)) {
  auto topology = std::make_shared<Topology>();
  topology->self = self;
  topology_.store(std::move(topology));
  auto routes = std::make_shared<Routes>();
  routes->self = self;
  routes_.store(std::move(routes));
}

Result<std::unique_ptr<GossipChannel>> MeshService::join(std::string name, GossipHandler& handler,
                                                         Loop& loop) {
  {
    const std::scoped_lock lock(core_->mutex);
    if (name == mesh::topology_channel || !core_->taken.insert(name).second) {
      return fail(Errc::conflict, fmt::format("join gossip channel '{}': it is taken", name));
    }
  }
  auto membership = std::make_shared<Membership>(handler, loop);
  Core::on_engine(core_,
                  [name, membership](Engine& engine) { engine.channels().join(name, membership); });
  return std::make_unique<Channel>(core_, std::move(name), std::move(membership));
}

void MeshService::connect(std::vector<std::string> peers, bool replace, Reply<> reply) {
  Core::on_engine(
      core_, [peers = std::move(peers), replace, reply = std::move(reply)](Engine& engine) mutable {
        engine.direct_peers().connect(peers, replace, std::move(reply));
      });
}

void MeshService::forget(std::vector<std::string> peers, Reply<> reply) {
  Core::on_engine(core_,
                  [peers = std::move(peers), reply = std::move(reply)](Engine& engine) mutable {
                    reply(engine.direct_peers().forget(peers));
                  });
}

}  // namespace weft::gossip
