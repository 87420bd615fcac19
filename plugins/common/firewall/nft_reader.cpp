/// Reads chains, rules and sets with libnftnl, from base chains on.

#include "nft_reader.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_arp.h>

#include <algorithm>
#include <deque>
#include <optional>

#include <fmt/core.h>

#include <weft/netlink/link.hpp>
#include <weft/nft/nftnl.hpp>
#include <weft/nft/reader.hpp>

#include "nft_rule.hpp"

namespace weft::firewall {
namespace {

using nft::allocated;
using nft::Family;

// Of a table's chains for NAT: kube-proxy has some for each service, and rules that drop are near
// the base chain.
constexpr std::size_t most_chains_of_nat = 64;

std::string text_or_empty(const char* text) {
  return text != nullptr ? text : "";
}

std::optional<Family> family_numbered(std::uint32_t number) {
  for (const Family family : {Family::ip, Family::inet, Family::bridge, Family::arp}) {
    if (nft::number_of(family) == number) {
      return family;
    }
  }
  return std::nullopt;
}

/// A base chain and its table.
struct Found {
  Family family = Family::ip;
  std::string table;
  BaseChain chain;
};

/// As the other families number it; ARP has hooks of its own.
std::uint32_t hook_of(Family family, std::uint32_t hook) {
  if (family != Family::arp) {
    return hook;
  }
  return std::uint32_t{hook == NF_ARP_IN ? NF_INET_LOCAL_IN : NF_INET_LOCAL_OUT};
}

/// Of the hooks that pods' packets meet. Source: nftables, "Address families".
std::optional<Found> parse_base_chain(const nlmsghdr& message) {
  const nft::ChainPtr chain{allocated(nftnl_chain_alloc())};
  if (nftnl_chain_nlmsg_parse(&message, chain.get()) < 0 ||
      !nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM)) {
    return std::nullopt;
  }
  const auto family = family_numbered(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY));
  const std::string type = text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TYPE));
  if (!family) {
    return std::nullopt;
  }
  const std::uint32_t hook =
      hook_of(*family, nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM));
  if (hook > NF_INET_POST_ROUTING) {
    return std::nullopt;  // of a device
  }
  return Found{*family,
               text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE)),
               {text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)), hook,
                nftnl_chain_get_s32(chain.get(), NFTNL_CHAIN_PRIO),
                nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) == NF_DROP, type == "nat"}};
}

/// Of every table.
Result<std::vector<Found>> read_base_chains(nl::Socket& socket) {
  nl::Message message(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETCHAIN, NLM_F_DUMP);
  auto& header = message.extra_header<nfgenmsg>();
  header.nfgen_family = NFPROTO_UNSPEC;
  header.version = NFNETLINK_V0;
  std::vector<Found> chains;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& part) {
        if (auto found = parse_base_chain(part)) {
          chains.push_back(*std::move(found));
        }
      },
      "list nftables chains"));
  return chains;
}

Verdict verdict_of(nftnl_set_elem& element) {
  if (!nftnl_set_elem_is_set(&element, NFTNL_SET_ELEM_VERDICT)) {
    return Verdict::none;
  }
  switch (static_cast<int>(nftnl_set_elem_get_u32(&element, NFTNL_SET_ELEM_VERDICT))) {
    case NF_ACCEPT:
      return Verdict::accept;
    case NF_DROP:
      return Verdict::drop;
    case NFT_RETURN:
      return Verdict::return_;
    case NFT_JUMP:
      return Verdict::jump;
    case NFT_GOTO:
      return Verdict::goto_;
    default:
      return Verdict::none;
  }
}

int collect_element(nftnl_set_elem* element, void* into) {
  std::uint32_t bytes = 0;
  const auto* const key =
      static_cast<const std::byte*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &bytes));
  Element read{key == nullptr ? Bytes{} : Bytes(key, key + bytes), false, verdict_of(*element), {}};
  if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS)) {
    read.ends_interval =
        (nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END) != 0;
  }
  if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_CHAIN)) {
    read.target = text_or_empty(nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN));
  }
  static_cast<std::vector<Element>*>(into)->push_back(std::move(read));
  return 0;
}

/// Reads one table from its base chains on, each chain and each set once.
class TableReader {
 public:
  TableReader(nl::Socket& socket, const nft::TableName& name, const Interfaces& interfaces)
      : socket_(socket),
        name_(name),
        context_{interfaces, [this](const std::string& set) { return elements(set); },
                 name.family == Family::arp} {}
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  [[nodiscard]] Result<Table> read(std::vector<BaseChain> base_chains) {
    Table table{nft::to_string(name_), name_.family == Family::bridge, std::move(base_chains), {}};
    WEFT_TRY(follow(table, /*is_nat=*/false, SIZE_MAX));
    WEFT_TRY(follow(table, /*is_nat=*/true, most_chains_of_nat));
    return table;
  }

 private:
  /// Reads what the base chains of a kind reach, the nearest first, `most` chains at most.
  [[nodiscard]] Result<> follow(Table& table, bool is_nat, std::size_t most) {
    std::deque<std::string> wanted;
    for (const BaseChain& chain : table.base_chains) {
      if (chain.is_nat == is_nat) {
        wanted.push_back(chain.name);
      }
    }
    for (std::size_t count = 0; !wanted.empty() && count < most; wanted.pop_front()) {
      if (table.chains.contains(wanted.front())) {
        continue;
      }
      ++count;
      std::vector<Rule> rules;
      WEFT_TRY(rules, read_chain(wanted.front()));
      for (const Rule& rule : rules) {
        if (!rule.target.empty()) {
          wanted.push_back(rule.target);
        }
      }
      table.chains.emplace(wanted.front(), std::move(rules));
    }
    return {};
  }

  [[nodiscard]] Result<std::vector<Rule>> read_chain(const std::string& chain) {
    auto message = nft::query(name_.family, NFT_MSG_GETRULE, NLM_F_DUMP);
    message.put_text(NFTA_RULE_TABLE, name_.name).put_text(NFTA_RULE_CHAIN, chain);
    std::vector<nft::RulePtr> read;
    WEFT_TRY(socket_.query(
        message,
        [&](const nlmsghdr& part) {
          nft::RulePtr rule{allocated(nftnl_rule_alloc())};
          if (nftnl_rule_nlmsg_parse(&part, rule.get()) >= 0) {
            read.push_back(std::move(rule));
          }
        },
        fmt::format("read the rules of '{} {}'", nft::to_string(name_), chain)));
    std::vector<Rule> rules;  // after the dump: they may have to read sets
    for (const nft::RulePtr& rule : read) {
      std::ranges::move(understand(*rule, context_), std::back_inserter(rules));
    }
    return rules;
  }

  std::optional<std::vector<Element>> elements(const std::string& set) {
    const auto known = sets_.find(set);
    if (known != sets_.end()) {
      return known->second;
    }
    auto message = nft::query(name_.family, NFT_MSG_GETSETELEM, NLM_F_DUMP);
    message.put_text(NFTA_SET_ELEM_LIST_TABLE, name_.name).put_text(NFTA_SET_ELEM_LIST_SET, set);
    std::vector<Element> elements;
    const auto answer = socket_.query(
        message,
        [&](const nlmsghdr& part) {
          const nft::SetPtr read{allocated(nftnl_set_alloc())};
          if (nftnl_set_elems_nlmsg_parse(&part, read.get()) >= 0) {
            nftnl_set_elem_foreach(read.get(), collect_element, &elements);
          }
        },
        fmt::format("read the set '{} {}'", nft::to_string(name_), set));
    return sets_.emplace(set, answer ? std::optional(std::move(elements)) : std::nullopt)
        .first->second;
  }

  nl::Socket& socket_;
  nft::TableName name_;
  RuleContext context_;
  std::map<std::string, std::optional<std::vector<Element>>> sets_;
};

/// Asks for each once.
Interfaces interfaces_of(nl::Socket& route) {
  return [&route, known = std::map<int, std::string>()](int index) mutable {
    const auto [entry, is_new] = known.try_emplace(index);
    if (is_new) {
      const auto link = nl::find_link(route, index);
      entry->second = link && *link ? (*link)->name : "";
    }
    return entry->second;
  };
}

Result<std::vector<Table>> read_tables(nl::Socket& netfilter, nl::Socket& route,
                                       const std::function<bool(const nft::TableName&)>& wants) {
  std::vector<Found> found;
  WEFT_TRY(found, read_base_chains(netfilter));
  const Interfaces interfaces = interfaces_of(route);
  std::map<std::pair<Family, std::string>, std::vector<BaseChain>> by_table;
  for (Found& each : found) {
    if (wants({each.table, each.family})) {
      by_table[{each.family, each.table}].push_back(std::move(each.chain));
    }
  }
  std::vector<Table> tables;
  for (auto& [name, chains] : by_table) {
    std::optional<std::uint32_t> flags;
    WEFT_TRY(flags, nft::read_flags(netfilter, {name.second, name.first}));
    if (!flags || (*flags & NFT_TABLE_F_DORMANT) != 0) {
      continue;
    }
    Table table;
    WEFT_TRY(table,
             TableReader(netfilter, {name.second, name.first}, interfaces).read(std::move(chains)));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace

Result<std::vector<Table>> read_nft_tables(nl::Socket& netfilter, nl::Socket& route,
                                           const std::vector<nft::TableName>& skipped) {
  return read_tables(netfilter, route, [&](const nft::TableName& name) {
    return std::ranges::count(skipped, name) == 0;
  });
}

Result<Table> read_nft_table(nl::Socket& netfilter, nl::Socket& route, const nft::TableName& name) {
  std::vector<Table> tables;
  WEFT_TRY(tables,
           read_tables(netfilter, route, [&](const nft::TableName& each) { return each == name; }));
  return tables.empty() ? Table{nft::to_string(name), name.family == Family::bridge, {}, {}}
                        : std::move(tables.front());
}

}  // namespace weft::firewall
