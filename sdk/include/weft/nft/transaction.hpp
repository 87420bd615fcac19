#pragma once
/// Changes of the rule set as messages of one nftables transaction. Nothing here does I/O.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weft/netlink/batch.hpp>

#include <weft/nft/table.hpp>

namespace weft::nft {

struct ChainName {
  std::string table;
  std::string chain;
  Family family = Family::ip;
  bool operator==(const ChainName&) const = default;
};

/// Puts `table` in place of whatever has its name.
void append_replacement(nl::Batch& batch, const Table& table);

/// Adds elements to the set `set.name`, which is of the form of `set`, and takes others out of it.
/// Readers see all of the change or nothing of it. Adding what is there succeeds; the transaction
/// fails when something to remove is not there.
void append_set_change(nl::Batch& batch, const TableName& table, const Set& set,
                       const Difference& change);

/// Deletes the table of that name; the transaction fails when there is none.
void append_table_deletion(nl::Batch& batch, const TableName& table);

/// Puts `rules`, in their order, before all rules of `chain`.
void append_rules_on_top(nl::Batch& batch, const ChainName& chain, std::span<const Rule> rules);

void append_rule_deletion(nl::Batch& batch, const ChainName& chain, std::uint64_t handle);

}  // namespace weft::nft
