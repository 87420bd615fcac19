#pragma once
/// Statements of a rule as the kernel's expressions.

#include "nftnl.hpp"
#include "table.hpp"

namespace weft::nft {

/// A libnftnl rule with the statements and the comment of `rule`, without table or chain.
[[nodiscard]] RulePtr compile(const Rule& rule);

}  // namespace weft::nft
