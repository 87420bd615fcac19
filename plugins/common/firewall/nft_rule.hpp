#pragma once
/// One rule of nftables, read back from the expressions that the kernel runs.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/nft/nftnl.hpp>

#include "nft_value.hpp"

namespace weft::firewall {

/// What rules refer to.
struct RuleContext {
  Interfaces interfaces;
  /// The elements of a set of the rule's table; empty when it cannot be read.
  std::function<std::optional<std::vector<Element>>(const std::string& set)> elements;
  bool is_arp = false;  ///< the table sees ARP
};

/// More than one for a map of verdicts: each element decides like a rule. What is not understood
/// is `Special`.
[[nodiscard]] std::vector<Rule> understand(const nftnl_rule& rule, const RuleContext& context);

}  // namespace weft::firewall
