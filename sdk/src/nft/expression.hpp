#pragma once
/// Statements of a rule as the kernel's expressions.

#include <weft/nft/nftnl.hpp>
#include <weft/nft/table.hpp>

namespace weft::nft {

/// A libnftnl rule with the statements and the comment of `rule`, without table or chain.
[[nodiscard]] RulePtr compile(const Rule& rule);

/// As the kernel numbers it.
[[nodiscard]] int number_of(Verdict verdict) noexcept;

}  // namespace weft::nft
