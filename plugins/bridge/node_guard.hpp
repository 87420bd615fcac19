#pragma once
/// Keeps the rules about pods and nodes in force, for the ports that are known.

#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <weft/events/node_port.hpp>
#include <weft/events/topology.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/nft/table_keeper.hpp>
#include <weft/result.hpp>

#include "common/doctor/check.hpp"
#include "node_guard_table.hpp"

namespace weft::bridge {

/// Owned by the plugin; used and destroyed on its loop. The table stays
/// when this object and its process end; `start` takes its ports over.
class NodeGuard {
 public:
  /// Registers the metrics.
  NodeGuard(Loop& loop, Log& log, Metrics& metrics);

  /// In the network namespace of the calling thread. Errors: the kernel's, with the remedy; then
  /// nothing is kept from pods.
  [[nodiscard]] Result<> start(std::string bridge);
  void stop() noexcept;
  /// Takes the table away: the site has switched the guard off.
  [[nodiscard]] static Result<> remove_table();
  [[nodiscard]] bool is_running() const noexcept { return table_ != nullptr; }

  /// One of this node's ports; replaces what was said of the same purpose.
  void add_port(const events::NodePort& port);
  /// Where this node dialled others; looked at after a moment, with what changed until then.
  void set_topology(std::shared_ptr<const Topology> topology);

  /// What `weft doctor` shows.
  [[nodiscard]] Result<std::vector<doctor::Check>> checks();

 private:
  [[nodiscard]] Result<> adopt();
  [[nodiscard]] std::set<Port> ports() const;
  [[nodiscard]] Result<> put();
  void look_at_topology();
  void count();

  Loop& loop_;
  Log& log_;
  std::array<Counter*, std::size(guarded_hooks)> dropped_;
  struct Seen {
    std::uint64_t counted = 0;
    std::uint64_t logged = 0;
    TimePoint next_log{};
  };
  std::array<Seen, std::size(guarded_hooks)> seen_{};
  std::unique_ptr<nft::TableKeeper> table_;
  std::string bridge_;
  std::map<std::string, Port> own_ports_;  // by purpose
  std::set<std::uint16_t> dialled_;        // the mesh's ports of nodes we are connected to
  std::set<Port> adopted_ports_;           // until the plugins had time to say theirs
  std::shared_ptr<const Topology> topology_;
  bool is_look_pending_ = false;
  Timer look_timer_;
  Timer adopted_timer_;
  Timer count_timer_;
};

}  // namespace weft::bridge
