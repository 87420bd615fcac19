#pragma once
/// The addresses that the bridge must have, whatever others do to it.

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/netlink/watcher.hpp>
#include <weft/reply.hpp>
#include <weft/service/nat.hpp>
#include <weft/service/store.hpp>

#include "address_plan.hpp"
#include "linux_bridge.hpp"

namespace weft::bridge {

/// Exposes addresses, has them masqueraded, and puts back those that others take off the bridge.
/// Everything on the plugin's loop. Outlives the replies it waits for: the loop is drained before
/// it is destroyed.
class Exposures {
 public:
  /// Told of the bridge's addresses: at the start, and after each change.
  using Changed = UniqueFunction<void(std::vector<net::Cidr>)>;

  Exposures(Loop& loop, Log& log, AddressPlan& plan, Changed changed)
      : loop_(loop), log_(log), plan_(plan), changed_(std::move(changed)) {}

  /// Addresses that the bridge has already are exposed as they were by an earlier run. They may be
  /// somebody else's: they are put back only once `expose` or `restore` named them. `store` may be
  /// null. Errors: the kernel's.
  [[nodiscard]] Result<> start(LinuxBridge& bridge, Store* store);
  void stop() noexcept;
  /// Null: there is none for now.
  void use(Nat* nat);

  /// As the service's functions of these names. A network that the bridge has no address in yet is
  /// refused when it collides with the host's. Errors: Errc::conflict.
  void expose(const net::Cidr& address, bool masquerade, Reply<> reply);
  void restore(const net::Cidr& address, Reply<> reply);
  void hide(const net::Cidr& address, Reply<> reply);

 private:
  void host_changed(const nlmsghdr& message);
  [[nodiscard]] bool may_have_taken_route(const nlmsghdr& message) const;
  void check_later();
  void check();
  [[nodiscard]] Result<> put_back(const std::vector<net::Cidr>& held);
  [[nodiscard]] Result<> put_routes_back();
  void warn(std::string_view what, const net::Cidr& address);
  [[nodiscard]] Result<> add(const net::Cidr& address);
  /// Tells later whether the address was last exposed without masquerade.
  void ask_is_plain(const net::Cidr& address, UniqueFunction<void(bool)> then);
  void masquerade_unless_plain(const net::Cidr& address);
  void masquerade_again(const net::Cidr& address);
  void remember(const net::Cidr& address, bool masquerade);
  /// What the bridge has as far as this knows.
  [[nodiscard]] std::set<net::Cidr> exposed() const;

  Loop& loop_;
  Log& log_;
  AddressPlan& plan_;
  Changed changed_;
  LinuxBridge* bridge_ = nullptr;  // null unless started
  int index_ = 0;                  // of the bridge
  Store* store_ = nullptr;
  Nat* nat_ = nullptr;
  std::set<net::Cidr> wanted_;
  std::set<net::Cidr> found_;  // at the start, and nobody has named them since
  std::optional<std::vector<net::Cidr>> told_;
  TimePoint next_warning_{};
  std::uint64_t untold_ = 0;  // warnings held back since the last one
  bool is_check_pending_ = false;
  bool is_route_gone_ = false;  // one of the bridge
  std::optional<nl::Watcher> watcher_;
  Timer settle_timer_;
};

}  // namespace weft::bridge
