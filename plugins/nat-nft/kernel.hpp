#pragma once
/// The nftables of one network namespace: our table, and the forward chain of iptables.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "common/nft/transaction.hpp"
#include "ruleset.hpp"

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
  [[nodiscard]] Result<> change_set(std::string_view table, std::string_view set,
                                    const Difference& change);
  /// Empty when there is no such set.
  [[nodiscard]] Result<std::optional<std::vector<Interval>>> read_set(std::string_view table,
                                                                      std::string_view set);

  /// Where our accepts must stand because a forward chain of iptables drops by policy: in
  /// DOCKER-USER, which Docker leaves to others, else in FORWARD. Empty when nothing drops.
  [[nodiscard]] Result<std::optional<ChainName>> dropping_chain();
  /// The rules of a chain, first to last.
  [[nodiscard]] Result<std::vector<InstalledRule>> rules(const ChainName& chain);
  /// Deletes the rules with these handles and puts `rules` on top.
  [[nodiscard]] Result<> put_on_top(const ChainName& chain, std::span<const std::uint64_t> old,
                                    std::span<const Rule> rules);

  /// Marks the kernel's notifications of our own changes (nlmsg_pid).
  [[nodiscard]] std::uint32_t port() const noexcept { return port_; }

 private:
  Kernel(nl::Socket socket, std::uint32_t port) : socket_(std::move(socket)), port_(port) {}

  /// The policy of a base chain; empty without such a chain.
  [[nodiscard]] Result<std::optional<std::uint32_t>> policy(const ChainName& chain);

  nl::Socket socket_;
  std::uint32_t port_;
};

}  // namespace weft::nat
