/// Writes tables, chains, rules and set elements into a transaction with libnftnl.

#include <weft/nft/transaction.hpp>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <array>
#include <cstddef>
#include <optional>
#include <ranges>
#include <variant>

#include <weft/nft/nftnl.hpp>
#include "expression.hpp"
#include "fields.hpp"

namespace weft::nft {
namespace {

// What the nft tool writes into a set's user data, so that it lists the set as it was declared.
// Source: nftables datatype.h, enum datatypes and enum byteorder.
constexpr unsigned nft_type_bits = 6;  // of each part of a concatenation
constexpr std::uint32_t nft_byteorder_host = 1;
constexpr std::uint32_t nft_byteorder_big_endian = 2;

// The elements of a message are one attribute of at most 64 KiB.
constexpr std::size_t bytes_per_message = 32'768;
constexpr std::size_t attributes_of_element = 96;  // their headers, a verdict, padding

// Source: Linux include/net/netfilter/nf_tables.h, nft_verdict, and nf_tables.h NFT_DATA_VERDICT.
constexpr std::uint32_t verdict_bytes = 16;

void append_table(nl::Batch& batch, std::uint16_t type, std::uint16_t flags,
                  const TableName& name) {
  const TablePtr table{allocated(nftnl_table_alloc())};
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, std::string(name.name).c_str());
  nftnl_table_nlmsg_build_payload(batch.add(type, number_of(name.family), flags), table.get());
  batch.next();
}

SetPtr named_set(const TableName& table, std::string_view name) {
  SetPtr set{allocated(nftnl_set_alloc())};
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, std::string(table.name).c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, std::string(name).c_str());
  return set;
}

bool has_concatenated_ranges(const Set& set) {
  return set.has_ranges && set.fields.size() > 1;
}

std::uint32_t flags_of(const Set& set) {
  std::uint32_t flags = 0;
  if (set.filled_size != 0) {
    flags |= NFT_SET_EVAL | NFT_SET_TIMEOUT;
  }
  if (set.has_ranges) {
    flags |= NFT_SET_INTERVAL;
  }
  if (has_concatenated_ranges(set)) {
    flags |= NFT_SET_CONCAT;
  }
  if (set.is_map) {
    flags |= NFT_SET_MAP;
  }
  return flags;
}

void describe_key(nftnl_set& set, const Set& described) {
  const std::vector<Field>& fields = described.fields;
  std::uint32_t type = 0;
  std::uint32_t bytes = 0;
  std::array<std::uint8_t, NFT_REG32_COUNT> lengths{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    type = type << nft_type_bits | place_of(fields[i]).type;
    bytes += static_cast<std::uint32_t>(padded_bytes_of(fields[i]));
    lengths[i] = static_cast<std::uint8_t>(bytes_of(fields[i]));
  }
  nftnl_set_set_u32(&set, NFTNL_SET_KEY_TYPE, type);
  nftnl_set_set_u32(&set, NFTNL_SET_KEY_LEN, bytes);
  if (has_concatenated_ranges(described)) {
    nftnl_set_set_data(&set, NFTNL_SET_DESC_CONCAT, lengths.data(),
                       static_cast<std::uint32_t>(fields.size()));
  }
}

void append_set(nl::Batch& batch, const TableName& table, const Set& described, std::uint32_t id) {
  const SetPtr set = named_set(table, described.name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, number_of(table.family));
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, flags_of(described));
  describe_key(*set, described);
  if (described.is_map) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_LEN, verdict_bytes);
  }
  if (described.filled_size != 0) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_DESC_SIZE, described.filled_size);
    nftnl_set_set_u64(set.get(), NFTNL_SET_TIMEOUT,
                      static_cast<std::uint64_t>(described.filled_time.count()));
  }

  const bool is_text = described.fields == std::vector{Field::in_interface} ||
                       described.fields == std::vector{Field::out_interface};
  const UdataPtr data{allocated(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN))};
  nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER,
                      is_text ? nft_byteorder_host : nft_byteorder_big_endian);
  if (described.has_ranges) {
    nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_MERGE_ELEMENTS, 1);
  }
  nftnl_set_set_data(set.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(data.get()),
                     nftnl_udata_buf_len(data.get()));

  nftnl_set_nlmsg_build_payload(batch.add(NFT_MSG_NEWSET, number_of(table.family), NLM_F_CREATE),
                                set.get());
  batch.next();
}

nftnl_set_elem& add_key(nftnl_set& set, const Bytes& key) {
  nftnl_set_elem* const element = allocated(nftnl_set_elem_alloc());
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(),
                     static_cast<std::uint32_t>(key.size()));
  nftnl_set_elem_add(&set, element);
  return *element;
}

void set_decision(nftnl_set_elem& element, const Decision& decision) {
  const auto set = [&](int verdict, const std::string* chain) {
    nftnl_set_elem_set_u32(&element, NFTNL_SET_ELEM_VERDICT, static_cast<std::uint32_t>(verdict));
    if (chain != nullptr) {
      nftnl_set_elem_set_str(&element, NFTNL_SET_ELEM_CHAIN, chain->c_str());
    }
  };
  if (const auto* const jump = std::get_if<Jump>(&decision)) {
    set(NFT_JUMP, &jump->chain);
  } else if (const auto* const further = std::get_if<Goto>(&decision)) {
    set(NFT_GOTO, &further->chain);
  } else {
    set(number_of(std::get<Verdict>(decision)), nullptr);
  }
}

/// The key after `key`; none after the last of its length.
std::optional<Bytes> next_key(Bytes key) {
  for (std::byte& octet : key | std::views::reverse) {
    octet = std::byte(std::to_integer<unsigned>(octet) + 1);
    if (octet != std::byte{0}) {
      return key;
    }
  }
  return std::nullopt;
}

/// A range of one field is two elements to the kernel: its first key, and the key behind its last.
/// A range in a concatenation is one element with two keys.
void add_element(nftnl_set& into, const Set& set, const Element& element) {
  nftnl_set_elem& added = add_key(into, element.first);
  if (element.decision) {
    set_decision(added, *element.decision);
  }
  if (!set.has_ranges) {
    return;
  }
  const Bytes& last = element.last.empty() ? element.first : element.last;
  if (has_concatenated_ranges(set)) {
    nftnl_set_elem_set(&added, NFTNL_SET_ELEM_KEY_END, last.data(),
                       static_cast<std::uint32_t>(last.size()));
  } else if (const auto behind = next_key(last)) {
    nftnl_set_elem_set_u32(&add_key(into, *behind), NFTNL_SET_ELEM_FLAGS,
                           NFT_SET_ELEM_INTERVAL_END);
  }
}

std::size_t most_bytes_of(const Element& element) {
  const auto* const decision = element.decision ? &*element.decision : nullptr;
  const auto* const jump = std::get_if<Jump>(decision);
  const auto* const further = std::get_if<Goto>(decision);
  const std::size_t chain = jump != nullptr      ? jump->chain.size()
                            : further != nullptr ? further->chain.size()
                                                 : 0;
  return attributes_of_element + 2 * element.first.size() + chain;
}

void append_elements(nl::Batch& batch, std::uint16_t type, std::uint16_t flags,
                     const TableName& table, const Set& set, std::span<const Element> elements) {
  while (!elements.empty()) {
    const SetPtr message = named_set(table, set.name);
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (; count < elements.size() && bytes < bytes_per_message; ++count) {
      add_element(*message, set, elements[count]);
      bytes += most_bytes_of(elements[count]);
    }
    elements = elements.subspan(count);
    nftnl_set_elems_nlmsg_build_payload(batch.add(type, number_of(table.family), flags),
                                        message.get());
    batch.next();
  }
}

void append_chain(nl::Batch& batch, const TableName& table, const Chain& described) {
  const ChainPtr chain{allocated(nftnl_chain_alloc())};
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, std::string(table.name).c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, described.name.c_str());
  if (!described.type.empty()) {
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, described.type.c_str());
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, described.hook);
    nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, described.priority);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
  }
  nftnl_chain_nlmsg_build_payload(
      batch.add(NFT_MSG_NEWCHAIN, number_of(table.family), NLM_F_CREATE), chain.get());
  batch.next();
}

/// `flags`: NLM_F_APPEND puts the rule last, its absence first.
void append_rule(nl::Batch& batch, const ChainName& where, const Rule& rule, std::uint16_t flags) {
  const RulePtr compiled = compile(rule);
  nftnl_rule_set_str(compiled.get(), NFTNL_RULE_TABLE, where.table.c_str());
  nftnl_rule_set_str(compiled.get(), NFTNL_RULE_CHAIN, where.chain.c_str());
  nftnl_rule_nlmsg_build_payload(batch.add(NFT_MSG_NEWRULE, number_of(where.family),
                                           static_cast<std::uint16_t>(NLM_F_CREATE | flags)),
                                 compiled.get());
  batch.next();
}

}  // namespace

void append_replacement(nl::Batch& batch, const Table& table) {
  const TableName name = table.full_name();
  append_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, name);  // so that there is one to delete
  append_table(batch, NFT_MSG_DELTABLE, 0, name);
  append_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, name);

  std::uint32_t id = 0;
  for (const Set& set : table.sets) {
    append_set(batch, name, set, ++id);
    if (!set.is_map) {
      append_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, name, set, set.elements);
    }
  }
  for (const Chain& chain : table.chains) {  // all of them before any rule that jumps to one
    append_chain(batch, name, chain);
  }
  for (const Set& set : table.sets) {  // its chains are there now
    if (set.is_map) {
      append_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, name, set, set.elements);
    }
  }
  for (const Chain& chain : table.chains) {
    for (const Rule& rule : chain.rules) {
      append_rule(batch, {table.name, chain.name, table.family}, rule, NLM_F_APPEND);
    }
  }
}

void append_set_change(nl::Batch& batch, const TableName& table, const Set& set,
                       const Difference& change) {
  // Additions that overlap what goes away are refused unless the deletion stands first; as the
  // transaction takes effect at once, no packet sees the set in between.
  append_elements(batch, NFT_MSG_DELSETELEM, 0, table, set, change.removed);
  append_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, change.added);
}

void append_table_deletion(nl::Batch& batch, const TableName& table) {
  append_table(batch, NFT_MSG_DELTABLE, 0, table);
}

void append_rules_on_top(nl::Batch& batch, const ChainName& chain, std::span<const Rule> rules) {
  for (const Rule& rule : rules | std::views::reverse) {
    append_rule(batch, chain, rule, 0);
  }
}

void append_rule_deletion(nl::Batch& batch, const ChainName& chain, std::uint64_t handle) {
  const RulePtr rule{allocated(nftnl_rule_alloc())};
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, chain.table.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.chain.c_str());
  nftnl_rule_set_u64(rule.get(), NFTNL_RULE_HANDLE, handle);
  nftnl_rule_nlmsg_build_payload(batch.add(NFT_MSG_DELRULE, number_of(chain.family), 0),
                                 rule.get());
  batch.next();
}

}  // namespace weft::nft
