/// Reads tables, chains, rules and elements with libnftnl.

#include <weft/nft/reader.hpp>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include <weft/nft/nftnl.hpp>

namespace weft::nft {
namespace {

std::string text_or_empty(const char* text) {
  return text != nullptr ? text : "";
}

int add_packets(nftnl_expr* expression, void* into) {
  if (std::string_view(nftnl_expr_get_str(expression, NFTNL_EXPR_NAME)) == "counter") {
    *static_cast<std::uint64_t*>(into) += nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_PACKETS);
  }
  return 0;
}

Bytes octets_of(nftnl_set_elem* element, std::uint16_t attribute) {
  std::uint32_t length = 0;
  const auto* const octets =
      static_cast<const std::byte*>(nftnl_set_elem_get(element, attribute, &length));
  return octets != nullptr ? Bytes(octets, octets + length) : Bytes{};
}

std::optional<Decision> decision_of(nftnl_set_elem* element) {
  if (!nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_VERDICT)) {
    return std::nullopt;
  }
  const std::string chain = text_or_empty(nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN));
  switch (static_cast<int>(nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_VERDICT))) {
    case NFT_JUMP:
      return Jump{chain};
    case NFT_GOTO:
      return Goto{chain};
    case NF_ACCEPT:
      return Verdict::accept;
    case NF_DROP:
      return Verdict::drop;
    default:
      return Verdict::return_;
  }
}

/// An element as the kernel lists it.
struct ListedElement {
  Element element;
  bool is_end = false;  ///< of a range: the key behind it
};

int collect_element(nftnl_set_elem* element, void* into) {
  ListedElement listed{{octets_of(element, NFTNL_SET_ELEM_KEY),
                        octets_of(element, NFTNL_SET_ELEM_KEY_END), decision_of(element)},
                       false};
  if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS)) {
    listed.is_end =
        (nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END) != 0;
  }
  if (!listed.element.first.empty()) {
    static_cast<std::vector<ListedElement>*>(into)->push_back(std::move(listed));
  }
  return 0;
}

/// The key before `key`, which is not the first.
Bytes previous_key(Bytes key) {
  for (std::byte& octet : key | std::views::reverse) {
    const bool borrows = octet == std::byte{0};
    octet = std::byte(std::to_integer<unsigned>(octet) - 1);
    if (!borrows) {
      break;
    }
  }
  return key;
}

/// Puts the bounds of ranges of one field together; ranges of concatenations come whole. One
/// without an end goes on to the last key.
std::vector<Element> ranges_from(std::vector<ListedElement> bounds) {
  std::ranges::sort(bounds, [](const ListedElement& a, const ListedElement& b) {
    return std::tie(a.element.first, b.is_end) < std::tie(b.element.first, a.is_end);
  });
  std::vector<Element> ranges;
  bool is_open = false;
  for (ListedElement& bound : bounds) {
    if (bound.is_end) {
      if (std::exchange(is_open, false)) {
        ranges.back().last = previous_key(std::move(bound.element.first));
      }
      continue;
    }
    is_open = bound.element.last.empty();
    if (is_open) {
      bound.element.last.assign(bound.element.first.size(), std::byte{0xFF});
    }
    ranges.push_back(std::move(bound.element));
  }
  return ranges;
}

}  // namespace

nl::Message query(Family family, std::uint16_t type, std::uint16_t flags) {
  nl::Message message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), flags);
  auto& header = message.extra_header<nfgenmsg>();
  header.nfgen_family = number_of(family);
  header.version = NFNETLINK_V0;
  return message;
}

bool is_absent(const Error& error) noexcept {
  return error.code == std::error_code(ENOENT, std::generic_category());
}

std::string comment_of(const nftnl_rule& rule) {
  std::uint32_t length = 0;
  const void* const data = nftnl_rule_get_data(&rule, NFTNL_RULE_USERDATA, &length);
  if (data == nullptr) {
    return {};
  }
  // A sequence of (type, length, octets). Source: libnftnl udata.c.
  ByteView rest{static_cast<const std::byte*>(data), length};
  while (rest.size() >= 2) {
    const auto type = std::to_integer<unsigned>(rest[0]);
    const auto size = std::to_integer<std::size_t>(rest[1]);
    if (size > rest.size() - 2) {
      break;
    }
    if (type == NFTNL_UDATA_RULE_COMMENT) {
      const std::string_view text = as_text(rest.subspan(2, size));
      return std::string(text.substr(0, text.find('\0')));
    }
    rest = rest.subspan(2 + size);
  }
  return {};
}

Result<std::optional<std::vector<ReadRule>>> read_rules(nl::Socket& socket,
                                                        const TableName& table) {
  std::optional<std::uint32_t> flags;
  WEFT_TRY(flags, read_flags(socket, table));
  if (!flags) {
    return std::nullopt;  // a dump of its rules would be empty, without error
  }
  auto message = query(table.family, NFT_MSG_GETRULE, NLM_F_DUMP);
  message.put_text(NFTA_RULE_TABLE, table.name);
  std::vector<ReadRule> rules;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& part) {
        const RulePtr rule{allocated(nftnl_rule_alloc())};
        if (nftnl_rule_nlmsg_parse(&part, rule.get()) >= 0) {
          ReadRule read{text_or_empty(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)),
                        comment_of(*rule), 0};
          nftnl_expr_foreach(rule.get(), add_packets, &read.packets);
          rules.push_back(std::move(read));
        }
      },
      fmt::format("read the rules of nftables table '{}'", to_string(table))));
  return rules;
}

Result<std::vector<ReadChain>> read_base_chains(nl::Socket& socket, const TableName& table) {
  auto message = query(table.family, NFT_MSG_GETCHAIN, NLM_F_DUMP);
  std::vector<ReadChain> chains;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& part) {
        const ChainPtr chain{allocated(nftnl_chain_alloc())};
        if (nftnl_chain_nlmsg_parse(&part, chain.get()) >= 0 &&
            nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM) &&
            text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE)) == table.name) {
          chains.push_back({text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)),
                            nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM),
                            nftnl_chain_get_s32(chain.get(), NFTNL_CHAIN_PRIO)});
        }
      },
      fmt::format("read the chains of nftables table '{}'", to_string(table))));
  return chains;
}

Result<std::optional<std::vector<Element>>> read_elements(nl::Socket& socket,
                                                          const TableName& table,
                                                          std::string_view set, bool has_ranges) {
  auto message = query(table.family, NFT_MSG_GETSETELEM, NLM_F_DUMP);
  message.put_text(NFTA_SET_ELEM_LIST_TABLE, table.name).put_text(NFTA_SET_ELEM_LIST_SET, set);
  std::vector<ListedElement> listed;
  const auto answer = socket.query(
      message,
      [&](const nlmsghdr& part) {
        const SetPtr read{allocated(nftnl_set_alloc())};
        if (nftnl_set_elems_nlmsg_parse(&part, read.get()) >= 0) {
          nftnl_set_elem_foreach(read.get(), collect_element, &listed);
        }
      },
      fmt::format("read nftables set '{} {}'", to_string(table), set));
  if (!answer && is_absent(answer.error())) {
    return std::nullopt;
  }
  WEFT_TRY(answer);
  std::vector<Element> elements;
  if (has_ranges) {
    elements = ranges_from(std::move(listed));
  } else {
    for (ListedElement& each : listed) {
      elements.push_back(std::move(each.element));
    }
  }
  normalize(elements);
  return elements;
}

Result<std::optional<std::uint32_t>> read_flags(nl::Socket& socket, const TableName& table) {
  auto message = query(table.family, NFT_MSG_GETTABLE, 0);
  message.put_text(NFTA_TABLE_NAME, table.name);
  std::uint32_t flags = 0;
  const auto answer = socket.query(
      message,
      [&](const nlmsghdr& part) {
        const TablePtr read{allocated(nftnl_table_alloc())};
        if (nftnl_table_nlmsg_parse(&part, read.get()) >= 0) {
          flags = nftnl_table_get_u32(read.get(), NFTNL_TABLE_FLAGS);
        }
      },
      fmt::format("read nftables table '{}'", to_string(table)));
  if (!answer && is_absent(answer.error())) {
    return std::nullopt;
  }
  WEFT_TRY(answer);
  return flags;
}

Result<std::vector<ReadFlowtable>> read_flowtables(nl::Socket& socket) {
  nl::Message message(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETFLOWTABLE, NLM_F_DUMP);
  auto& header = message.extra_header<nfgenmsg>();
  header.nfgen_family = NFPROTO_UNSPEC;
  header.version = NFNETLINK_V0;
  std::vector<ReadFlowtable> flowtables;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& part) {
        const FlowtablePtr read{allocated(nftnl_flowtable_alloc())};
        if (nftnl_flowtable_nlmsg_parse(&part, read.get()) < 0) {
          return;
        }
        ReadFlowtable found{
            text_or_empty(nftnl_flowtable_get_str(read.get(), NFTNL_FLOWTABLE_TABLE)),
            text_or_empty(nftnl_flowtable_get_str(read.get(), NFTNL_FLOWTABLE_NAME)),
            {}};
        const auto* devices = static_cast<const char* const*>(
            nftnl_flowtable_get(read.get(), NFTNL_FLOWTABLE_DEVICES));
        for (; devices != nullptr && *devices != nullptr; ++devices) {
          found.devices.emplace_back(*devices);
        }
        flowtables.push_back(std::move(found));
      },
      "read nftables flowtables"));
  return flowtables;
}

}  // namespace weft::nft
