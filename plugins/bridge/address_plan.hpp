#pragma once
/// Keeps the pods' networks off what the host reaches otherwise: its networks, gateways, resolvers
/// and peers; and sees that its routing rules lead to pods.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/netlink/watcher.hpp>
#include <weft/result.hpp>

#include "common/doctor/check.hpp"
#include "host_networks.hpp"

namespace weft::bridge {

/// Refuses networks that collide before the bridge has an address in them. A collision that comes
/// up later is logged and shown by `weft doctor`: pods go on. Used and destroyed on the plugin's
/// loop.
class AddressPlan {
 public:
  /// The second file has what systemd-resolved asks when the first names its stub.
  static std::vector<std::string> usual_resolver_files() {
    return {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};
  }

  AddressPlan(Loop& loop, Log& log, std::vector<std::string> resolvers = usual_resolver_files())
      : loop_(loop), log_(log), resolvers_(std::move(resolvers)) {}

  /// `bridge`: its index. Errors: the kernel's.
  [[nodiscard]] Result<> start(int bridge);
  void stop() noexcept;

  /// Where this node was told to look for peers.
  void set_direct_peers(std::vector<net::IpAddress> addresses);
  /// The peers that this node is connected to are its concern, too.
  void set_topology(const Topology& topology);

  /// Whether the bridge may have `address`, and so a route to its network. Errors: Errc::conflict,
  /// with what collides and what to do; the kernel's.
  [[nodiscard]] Result<> admit(const net::Cidr& address);
  /// All the bridge's addresses, whenever they change.
  void bridge_has(const std::vector<net::Cidr>& addresses);

  /// What `weft doctor` shows.
  [[nodiscard]] std::vector<doctor::Check> checks() const;

 private:
  /// Why a network cannot be the pods', or not without harm.
  struct Fault {
    std::string_view what;  ///< completes "the network ..."
    std::string with;       ///< the networks, machines or rules of the host
    std::string remedy;
    bool operator==(const Fault&) const = default;
  };
  using Faults = std::map<net::Cidr, Fault>;

  void host_changed(const nlmsghdr& message);
  [[nodiscard]] bool concerns_us(const nlmsghdr& message) const;
  [[nodiscard]] bool is_ours(const net::Cidr& changed) const;
  void check_later();
  void check();
  [[nodiscard]] Result<std::optional<Fault>> compare(const net::Cidr& network);

  Loop& loop_;
  Log& log_;
  std::vector<std::string> resolvers_;
  int bridge_ = 0;
  std::optional<nl::Socket> socket_;
  std::vector<net::IpAddress> direct_peers_;
  std::set<net::IpAddress> connected_;
  std::set<net::Cidr> in_use_;  // networks that the bridge has an address in
  Faults used_;                 // of these
  Faults refused_;
  bool is_check_pending_ = false;
  std::optional<nl::Watcher> watcher_;
  Timer settle_timer_;
};

}  // namespace weft::bridge
