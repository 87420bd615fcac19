#pragma once
/// The nftables of one network namespace: our table, and the forward chain of iptables.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/nft/transaction.hpp>
#include <weft/result.hpp>

#include "common/firewall/rules.hpp"
#include "ruleset.hpp"
#include "traffic.hpp"

namespace weft::nat {

using nft::ChainName;
using nft::Difference;

/// The table of family ip that iptables keeps its forward chain in.
inline constexpr std::string_view iptables_table = "filter";

/// A rule that is in the kernel.
struct InstalledRule {
  std::uint64_t handle = 0;
  std::string comment;
  bool operator==(const InstalledRule&) const = default;
};

/// Reads and changes. Every change is one transaction. Synchronous; one thread.
class Kernel {
 public:
  /// In the network namespace of the calling thread. Errors: the kernel's, with the remedy.
  [[nodiscard]] static Result<Kernel> open();

  /// Puts `table` in place of whatever has its name. Errors: EPERM without CAP_NET_ADMIN;
  /// EOPNOTSUPP without nf_tables.
  [[nodiscard]] Result<> replace(const Table& table);
  /// Errors: ENOENT when the set is gone or its elements are not what `change` says.
  [[nodiscard]] Result<> change_set(std::string_view table, const Set& set,
                                    const Difference& change);
  /// A set of addresses; empty when there is none of that name.
  [[nodiscard]] Result<std::optional<std::vector<Interval>>> read_set(std::string_view table,
                                                                      std::string_view set);

  /// The chains of iptables-nft that forwarded packets meet, and what they reach.
  [[nodiscard]] Result<firewall::Table> read_iptables();
  /// What is around pods on `bridge`.
  [[nodiscard]] Result<Scene> scene(std::string bridge, std::vector<net::Cidr> networks);
  /// The rules of a chain, first to last.
  [[nodiscard]] Result<std::vector<InstalledRule>> rules(const ChainName& chain);
  /// Deletes the rules with these handles and puts `rules` on top.
  [[nodiscard]] Result<> put_on_top(const ChainName& chain, std::span<const std::uint64_t> old,
                                    std::span<const Rule> rules);

  /// Marks the kernel's notifications of our own changes (nlmsg_pid).
  [[nodiscard]] std::uint32_t port() const noexcept { return port_; }

 private:
  Kernel(nl::Socket socket, nl::Socket route, std::uint32_t port)
      : socket_(std::move(socket)), route_(std::move(route)), port_(port) {}

  nl::Socket socket_;
  nl::Socket route_;
  std::uint32_t port_;
};

}  // namespace weft::nat
