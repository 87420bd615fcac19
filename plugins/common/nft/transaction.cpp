/// Writes tables, chains, rules and set elements into a transaction with libnftnl.

#include "transaction.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <iterator>
#include <ranges>

#include "expression.hpp"
#include "fields.hpp"
#include "nftnl.hpp"

namespace weft::nft {
namespace {

// What the nft tool writes into a set's user data, so that it lists the set as it was declared.
// Source: nftables datatype.h, enum datatypes and enum byteorder.
constexpr std::uint32_t nft_type_ipv4_address = 7;
constexpr unsigned nft_type_bits = 6;  // of each part of a concatenation
constexpr std::uint32_t nft_byteorder_host = 1;
constexpr std::uint32_t nft_byteorder_big_endian = 2;

// An element takes about 40 octets and the list is one attribute of at most 64 KiB.
constexpr std::size_t intervals_per_message = 512;

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

/// How the kernel keeps a set.
struct SetForm {
  std::uint32_t flags = 0;
  std::uint32_t key_type = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t byteorder = nft_byteorder_big_endian;
  std::uint32_t filled_size = 0;
  std::chrono::milliseconds filled_time{0};
};

void append_set(nl::Batch& batch, const TableName& table, const std::string& name,
                const SetForm& form, std::uint32_t id) {
  const SetPtr set = named_set(table, name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, number_of(table.family));
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, form.flags);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, form.key_type);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, form.key_bytes);
  if (form.filled_size != 0) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_DESC_SIZE, form.filled_size);
    nftnl_set_set_u64(set.get(), NFTNL_SET_TIMEOUT,
                      static_cast<std::uint64_t>(form.filled_time.count()));
  }

  const UdataPtr data{allocated(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN))};
  nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER, form.byteorder);
  if ((form.flags & NFT_SET_INTERVAL) != 0) {
    nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_MERGE_ELEMENTS, 1);
  }
  nftnl_set_set_data(set.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(data.get()),
                     nftnl_udata_buf_len(data.get()));

  nftnl_set_nlmsg_build_payload(batch.add(NFT_MSG_NEWSET, number_of(table.family), NLM_F_CREATE),
                                set.get());
  batch.next();
}

void add_element(nftnl_set& set, std::uint32_t address, std::uint32_t flags) {
  nftnl_set_elem* const element = allocated(nftnl_set_elem_alloc());
  const auto octets = net::IpAddress::v4(address);
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, octets.bytes().data(), 4);
  if (flags != 0) {
    nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_FLAGS, flags);
  }
  nftnl_set_elem_add(&set, element);
}

void append_elements(nl::Batch& batch, std::uint16_t type, std::uint16_t flags,
                     const TableName& table, std::string_view name,
                     std::span<const Interval> intervals) {
  while (!intervals.empty()) {
    const auto chunk = intervals.first(std::min(intervals.size(), intervals_per_message));
    intervals = intervals.subspan(chunk.size());

    const SetPtr set = named_set(table, name);
    for (const Interval& interval : chunk) {
      add_element(*set, interval.first, 0);
      if (interval.last != UINT32_MAX) {
        add_element(*set, interval.last + 1, NFT_SET_ELEM_INTERVAL_END);
      }
    }
    nftnl_set_elems_nlmsg_build_payload(batch.add(type, number_of(table.family), flags), set.get());
    batch.next();
  }
}

SetForm form_of(const FieldSet& set) {
  SetForm form;
  if (set.filled_size != 0) {
    form.flags = NFT_SET_EVAL | NFT_SET_TIMEOUT;
    form.filled_size = set.filled_size;
    form.filled_time = set.filled_time;
  }
  if (set.fields == std::vector{Field::in_interface}) {
    form.byteorder = nft_byteorder_host;  // nft's idea of text, unless it is part of something
  }
  for (const Field field : set.fields) {
    form.key_type = form.key_type << nft_type_bits | place_of(field).type;
    form.key_bytes += static_cast<std::uint32_t>((bytes_of(field) + 3) / 4 * 4);
  }
  return form;
}

void append_element(nl::Batch& batch, std::uint16_t type, std::uint16_t flags,
                    const TableName& table, std::string_view name, ByteView key) {
  const SetPtr set = named_set(table, name);
  nftnl_set_elem* const element = allocated(nftnl_set_elem_alloc());
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(),
                     static_cast<std::uint32_t>(key.size()));
  nftnl_set_elem_add(set.get(), element);
  nftnl_set_elems_nlmsg_build_payload(batch.add(type, number_of(table.family), flags), set.get());
  batch.next();
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
    append_set(batch, name, set.name, {NFT_SET_INTERVAL, nft_type_ipv4_address, 4}, ++id);
    append_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, name, set.name, set.elements);
  }
  for (const FieldSet& set : table.field_sets) {
    append_set(batch, name, set.name, form_of(set), ++id);
    for (const Bytes& element : set.elements) {
      append_element(batch, name, set.name, element);
    }
  }
  for (const Chain& chain : table.chains) {  // all of them before any rule that jumps to one
    append_chain(batch, name, chain);
  }
  for (const Chain& chain : table.chains) {
    for (const Rule& rule : chain.rules) {
      append_rule(batch, {table.name, chain.name, table.family}, rule, NLM_F_APPEND);
    }
  }
}

void append_set_change(nl::Batch& batch, const TableName& table, std::string_view set,
                       const Difference& change) {
  // Additions that overlap what goes away are refused unless the deletion stands first; as the
  // transaction takes effect at once, no packet sees the set in between.
  append_elements(batch, NFT_MSG_DELSETELEM, 0, table, set, change.removed);
  append_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, change.added);
}

void append_element(nl::Batch& batch, const TableName& table, std::string_view set,
                    ByteView element) {
  append_element(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, element);
}

void append_element_deletion(nl::Batch& batch, const TableName& table, std::string_view set,
                             ByteView element) {
  append_element(batch, NFT_MSG_DELSETELEM, 0, table, set, element);
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
