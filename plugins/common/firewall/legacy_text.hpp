#pragma once
/// The tables of iptables-legacy, which nftables does not show, from what iptables-legacy-save
/// prints.

#include <string_view>
#include <vector>

#include "rules.hpp"

namespace weft::firewall {

/// Those with a base chain. Lines that are no rule are passed over, and conditions that are not
/// understood are Special.
[[nodiscard]] std::vector<Table> parse_legacy(std::string_view saved);

}  // namespace weft::firewall
