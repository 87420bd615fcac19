#pragma once
/// The packet filter's part in encryption: what marks tunnel packets, and lets none pass in clear.

#include <compare>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/nft/table.hpp>
#include <weft/nft/watcher.hpp>
#include <weft/result.hpp>

namespace weft::ipsec {

/// UDP packets between two nodes, to `port` at either. Both addresses are IPv4.
struct Tunnel {
  net::IpAddress local;
  net::IpAddress remote;
  std::uint16_t port = 0;

  auto operator<=>(const Tunnel&) const = default;
};

inline constexpr std::string_view firewall_table = "weft-ipsec";
inline constexpr std::string_view tunnel_set = "tunnels";

/// Three chains around one set. Output marks a guarded tunnel's packets, which makes the kernel
/// look for a policy again, and drops those for which it found none. Input drops those that no
/// association decrypted. Source: weaveworks/weave net/ipsec/ipsec.go, the iptables rules; here
/// associations mark what they decrypt, so that no rule names an SPI.
[[nodiscard]] nft::Table guard_table(const std::set<Tunnel>& tunnels);

/// Owns the table `ip weft-ipsec` of one network namespace. The table outlives this object, and its
/// process: only `remove` takes it away. Every change is one transaction. Synchronous; one thread.
class Firewall {
 public:
  /// In the network namespace of the calling thread. Takes over the tunnels that an earlier run
  /// guarded, as if each had been guarded once. Errors: EPERM without CAP_NET_ADMIN;
  /// Errc::unsupported without nf_tables.
  [[nodiscard]] static Result<Firewall> open();

  /// From now on the tunnel's packets pass encrypted or not at all, until `release` was called as
  /// often as this.
  [[nodiscard]] Result<> guard(const Tunnel& tunnel);
  /// Lets the tunnel's packets pass in clear, unless someone else guards it too.
  [[nodiscard]] Result<> release(const Tunnel& tunnel);
  /// Puts the table in place of whatever has its name: after someone else changed it.
  [[nodiscard]] Result<> repair();
  /// Ends the guard of every tunnel.
  [[nodiscard]] Result<> remove();

  /// Marks the kernel's notifications of our own changes (nft::Change::port).
  [[nodiscard]] Result<std::uint32_t> port() const { return nft::port_of(socket_); }
  [[nodiscard]] std::set<Tunnel> tunnels() const { return {tunnels_.begin(), tunnels_.end()}; }

 private:
  explicit Firewall(nl::Socket socket) : socket_(std::move(socket)) {}

  [[nodiscard]] Result<std::set<Tunnel>> read();

  nl::Socket socket_;
  std::multiset<Tunnel> tunnels_;  // each as often as it is guarded
};

}  // namespace weft::ipsec
