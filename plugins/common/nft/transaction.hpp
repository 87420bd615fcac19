#pragma once
/// Changes of the rule set as messages of one nftables transaction. Nothing here does I/O.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weft/netlink/batch.hpp>

#include "table.hpp"

namespace weft::nft {

struct ChainName {
  std::string table;
  std::string chain;
  Family family = Family::ip;
  bool operator==(const ChainName&) const = default;
};

/// Puts `table` in place of whatever has its name.
void append_replacement(nl::Batch& batch, const Table& table);

/// Turns the elements of a set into others. Readers see all of the change or nothing of it.
void append_set_change(nl::Batch& batch, const TableName& table, std::string_view set,
                       const Difference& change);

/// Adds an element to a FieldSet; also succeeds when it is there.
void append_element(nl::Batch& batch, const TableName& table, std::string_view set,
                    ByteView element);
/// The transaction fails when the element is not there.
void append_element_deletion(nl::Batch& batch, const TableName& table, std::string_view set,
                             ByteView element);

/// Deletes the table of that name; the transaction fails when there is none.
void append_table_deletion(nl::Batch& batch, const TableName& table);

/// Puts `rules`, in their order, before all rules of `chain`.
void append_rules_on_top(nl::Batch& batch, const ChainName& chain, std::span<const Rule> rules);

void append_rule_deletion(nl::Batch& batch, const ChainName& chain, std::uint64_t handle);

}  // namespace weft::nft
