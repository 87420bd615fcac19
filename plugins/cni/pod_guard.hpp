#pragma once
/// Keeps the guard's table about the pods whose ports exist.

#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/netlink/watcher.hpp>
#include <weft/nft/table_keeper.hpp>
#include <weft/result.hpp>

#include "guard_table.hpp"

namespace weft::cni {

/// Owned by the plugin; used and destroyed on its loop. The table stays
/// when this object and its process end: pods stay guarded while the node restarts. It is the only
/// record of what is guarded: `start` takes the pods over from it.
class PodGuard {
 public:
  /// Registers the metrics.
  PodGuard(Loop& loop, Log& log, Metrics& metrics);

  /// In the network namespace of the calling thread. Errors: the kernel's, with the remedy; then
  /// nothing is guarded.
  [[nodiscard]] Result<> start();
  void stop() noexcept;
  /// Takes the table away: the site has switched the guard off.
  [[nodiscard]] static Result<> remove_table();

  [[nodiscard]] bool is_running() const noexcept { return table_ != nullptr; }

  /// From now on the port's frames pass only as the pod's. In force on return. Replaces what was
  /// said of that port before. Errors: Errc::invalid for what is no MAC of one interface;
  /// Errc::conflict when another port has the MAC; the kernel's.
  [[nodiscard]] Result<> guard(GuardedPod pod);
  /// Lets everything pass by the port. Succeeds when it was not guarded.
  [[nodiscard]] Result<> release(const std::string& port);
  /// The bridge that pods attach to, whose own IPv6 addresses no pod may use.
  void set_bridge(const std::string& name);

  [[nodiscard]] std::vector<GuardedPod> pods() const;

  /// For `weft doctor`: what is wrong with the table, one sentence each.
  [[nodiscard]] Result<std::vector<std::string>> differences() { return table_->differences(); }
  [[nodiscard]] std::uint64_t repairs() const noexcept { return table_->repairs(); }
  /// The bridge's ports that look like pods' and are not guarded.
  [[nodiscard]] Result<std::vector<std::string>> unguarded_ports();

 private:
  [[nodiscard]] Result<> adopt();
  [[nodiscard]] Result<> put();
  void changed(const nlmsghdr& message);
  void look_later();
  void look();
  void count();
  [[nodiscard]] std::string offenders();

  Loop& loop_;
  Log& log_;
  std::array<Counter*, std::size(guard_reasons)> dropped_;
  std::array<std::uint64_t, std::size(guard_reasons)> counted_{};
  struct Logged {
    std::uint64_t frames = 0;
    TimePoint next{};  // when the log may speak of it again
  };
  std::array<Logged, std::size(guard_reasons)> logged_{};
  std::unique_ptr<nft::TableKeeper> table_;
  std::optional<nl::Socket> links_;
  std::string bridge_;
  std::vector<net::IpAddress> bridge_addresses_;  // IPv6
  std::map<std::string, GuardedPod> pods_;        // by port
  bool is_look_pending_ = false;
  std::optional<nl::Watcher> watcher_;
  Timer look_timer_;
  Timer count_timer_;
};

}  // namespace weft::cni
