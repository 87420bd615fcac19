#pragma once
/// Provides weft.nat/1 over a NatTable and keeps its rules in the kernel whatever else happens
/// there.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/nft/watcher.hpp>
#include <weft/service/nat.hpp>

#include "firewall_watch.hpp"
#include "nat_table.hpp"

namespace weft::nat {

using nft::Change;
using nft::Watcher;

/// Owned by a plugin; used on its loop, except for the calls of the service. The rules stay when it
/// stops: pods keep their connections while the node restarts.
class NatKeeper final : public Nat {
 public:
  /// Registers the metrics.
  NatKeeper(Loop& loop, Log& log, Metrics& metrics)
      : loop_(loop), log_(log), firewalls_(loop, log, metrics) {}

  /// Puts the table in force and begins to watch. Errors: the kernel's, with the remedy.
  /// `trouble` is told why the table is not in force, and an empty text when it is again.
  [[nodiscard]] Result<> start(std::string bridge, Translation translation,
                               std::function<void(const std::string& trouble)> trouble);
  void stop() noexcept;

  void masquerade(net::Cidr network, Reply<> reply) override;
  void stop_masquerade(net::Cidr network, Reply<> reply) override;

  /// The addresses whose pods run here: traffic to them keeps its source.
  void set_local_ranges(const std::vector<net::Cidr>& ranges);
  /// While it runs.
  [[nodiscard]] Status status() const { return table_->status(); }
  /// What other programs' packet filters drop of pods, as of the last look.
  [[nodiscard]] const std::vector<Finding>& dropped() const noexcept {
    return firewalls_.findings();
  }
  /// What of pods' traffic vanishes in this node.
  [[nodiscard]] std::vector<Loss> losses() const { return firewalls_.losses(); }
  /// What `weft doctor` shows.
  void check(Reply<std::vector<doctor::Check>> reply) { firewalls_.check(std::move(reply)); }

 private:
  template <class Function>
  [[nodiscard]] Result<> change(Function function);
  void noticed(const Change& change);
  void look_at_everything();
  void repair_later(Duration delay);
  void repair();
  void say(const Result<>& in_force);
  void keep_foreign_later();
  void keep_foreign();
  void drop_unconfirmed();

  Loop& loop_;
  Log& log_;
  FirewallWatch firewalls_;
  std::optional<NatTable> table_;
  std::function<void(const std::string&)> trouble_;
  bool is_in_trouble_ = false;
  bool table_is_damaged_ = false;
  bool is_repair_pending_ = false;
  std::unique_ptr<Watcher> watcher_;
  Timer confirm_timer_;
  Timer repair_timer_;
  bool is_foreign_look_pending_ = false;
  TimePoint next_foreign_look_{};  // not before, however much changes
  Timer foreign_timer_;
};

}  // namespace weft::nat
