#pragma once
/// weft.mesh/1 as other plugins call it, from their loops; the engine lives on the mesh's.

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <weft/loop.hpp>
#include <weft/service/mesh.hpp>

#include "gossip/engine.hpp"

namespace weft::gossip {

/// What one loop replaces and any loop reads. std::atomic<std::shared_ptr> would do, but that of
/// GCC 12 lets a read race with the next write (its lock is released with relaxed order).
template <class T>
class Published {
 public:
  void store(std::shared_ptr<const T> next) {
    const std::scoped_lock lock(mutex_);
    value_.swap(next);  // the old one ends with `next`, after the lock
  }
  [[nodiscard]] std::shared_ptr<const T> load() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

/// Lives as long as the plugin. The engine comes with `attach` and goes with `detach`; what is
/// asked without one is answered Errc::abandoned.
class MeshService final : public Mesh {
 public:
  MeshService(Loop& loop, PeerName self);

  // On the mesh's loop.
  void attach(Engine& engine) { core_->engine = &engine; }
  void detach() noexcept { core_->engine = nullptr; }
  void set_topology(std::shared_ptr<const Topology> topology) {
    topology_.store(std::move(topology));
  }
  void set_routes(std::shared_ptr<const Routes> routes) { routes_.store(std::move(routes)); }

  // Mesh: any plugin loop.
  [[nodiscard]] Result<std::unique_ptr<GossipChannel>> join(std::string name,
                                                            GossipHandler& handler,
                                                            Loop& loop) override;
  [[nodiscard]] PeerName self() const noexcept override { return self_; }
  [[nodiscard]] std::shared_ptr<const Topology> topology() const override {
    return topology_.load();
  }
  [[nodiscard]] std::shared_ptr<const Routes> routes() const override { return routes_.load(); }
  void connect(std::vector<std::string> peers, bool replace, Reply<> reply) override;
  void forget(std::vector<std::string> peers, Reply<> reply) override;

 private:
  /// What channels share with the service and may outlive it by.
  struct Core {
    explicit Core(Loop& mesh_loop) : loop(mesh_loop) {}

    /// Runs `work(engine)` on the mesh's loop; drops it when there is no engine.
    template <class Work>
    static void on_engine(const std::shared_ptr<Core>& core, Work work) {
      core->loop.post([core, work = std::move(work)]() mutable {
        if (core->engine != nullptr) {
          work(*core->engine);
        }
      });
    }

    Loop& loop;
    Engine* engine = nullptr;  // the mesh's loop only
    std::mutex mutex;          // joining must answer at once, on whatever loop
    std::set<std::string> taken;
  };
  class Channel;

  const PeerName self_;
  std::shared_ptr<Core> core_;
  Published<Topology> topology_;
  Published<Routes> routes_;
};

}  // namespace weft::gossip
