#pragma once
/// Keeps the kernel's rules equal to what the node wants.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>

#include "accepts.hpp"
#include "kernel.hpp"
#include "ruleset.hpp"

namespace weft::nat {

/// What an operator may want to know.
struct Status {
  Translation translation = Translation::masquerade;
  std::vector<net::Cidr> exposed;
  std::vector<net::Cidr> unconfirmed;  ///< kept from before a restart, not asked for since
  std::vector<net::Cidr> local_ranges;
  std::optional<ChainName> foreign_chain;  ///< another program's chain that holds our accepts
  std::uint64_t replacements = 0;          ///< of the whole table
};

/// Owns the table `ip weave`. What is wanted is remembered even when the kernel refuses it, so that
/// `repair` can try again. Synchronous; one thread.
class NatTable {
 public:
  NatTable(Kernel kernel, std::string bridge, Translation translation);

  /// Takes over what an earlier process left, so that traffic keeps its translation while the
  /// node's other parts start; then puts the table in place. Errors: the kernel's, with the remedy.
  [[nodiscard]] Result<> adopt();
  /// Ends the time that others had to ask again for what `adopt` found.
  [[nodiscard]] Result<> drop_unconfirmed();

  /// Lets the network's traffic through, masqueraded unless the table translates nothing.
  /// Errors: Errc::unsupported for IPv6; the kernel's.
  [[nodiscard]] Result<> masquerade(const net::Cidr& network);
  [[nodiscard]] Result<> stop_masquerade(const net::Cidr& network);
  /// The addresses whose pods run here: traffic to them keeps its source.
  [[nodiscard]] Result<> set_local_ranges(std::vector<net::Cidr> ranges);

  /// Puts our table back as it should be, after someone else changed it.
  [[nodiscard]] Result<> repair();
  /// Makes our accepts the first rules of iptables' forward chain for what it drops of pods, and
  /// takes them away when they are not needed. Answers whether anything had to change.
  [[nodiscard]] Result<bool> repair_foreign();

  [[nodiscard]] Status status() const;
  [[nodiscard]] bool is_in_force() const noexcept { return is_in_force_; }
  [[nodiscard]] std::uint32_t port() const noexcept { return kernel_.port(); }

 private:
  [[nodiscard]] Intent intent() const;
  [[nodiscard]] Result<bool> keep_on_top(const ChainName& chain,
                                         const std::vector<Accept>& accepts);

  Kernel kernel_;
  std::string bridge_;
  Translation translation_;
  std::set<net::Cidr> exposed_;
  std::set<net::Cidr> unconfirmed_;  // part of exposed_
  std::vector<net::Cidr> local_ranges_;
  std::vector<Interval> installed_local_;  // the elements of the set in the kernel
  std::optional<ChainName> foreign_chain_;
  bool is_in_force_ = false;  // the last replacement succeeded
  std::uint64_t replacements_ = 0;
};

}  // namespace weft::nat
