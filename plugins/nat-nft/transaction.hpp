#pragma once
/// Changes of the rule set as messages of one nftables transaction. Nothing here does I/O.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weft/netlink/batch.hpp>

#include "ruleset.hpp"

namespace weft::nat {

/// A chain of family ip by name.
struct ChainName {
  std::string table;
  std::string chain;
  bool operator==(const ChainName&) const = default;
};

/// Puts `table` in place of whatever has its name.
void append_replacement(nl::Batch& batch, const Table& table);

/// Turns the elements of a set into others. Readers see all of the change or nothing of it.
void append_set_change(nl::Batch& batch, std::string_view table, std::string_view set,
                       const Difference& change);

/// Puts `rules`, in their order, before all rules of `chain`.
void append_rules_on_top(nl::Batch& batch, const ChainName& chain, std::span<const Rule> rules);

void append_rule_deletion(nl::Batch& batch, const ChainName& chain, std::uint64_t handle);

}  // namespace weft::nat
