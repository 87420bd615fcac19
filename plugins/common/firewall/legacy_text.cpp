/// Reads the format of iptables-save. Source: iptables iptables-save.c and iptables.c, print_rule.

#include "legacy_text.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include <fmt/core.h>

#include <weft/net/ip.hpp>

namespace weft::firewall {
namespace {

using Words = std::vector<std::string>;

/// Words are separated by spaces, unless quoted; a backslash keeps the next character.
Words split(std::string_view line) {
  Words words;
  std::string word;
  bool is_quoted = false;
  bool is_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
    } else if (c == '"') {
      is_quoted = !is_quoted;
      is_word = true;
    } else if (c == ' ' && !is_quoted) {
      if (is_word) {
        words.push_back(std::exchange(word, {}));
      }
      is_word = false;
    } else {
      word += c;
      is_word = true;
    }
  }
  if (is_word) {
    words.push_back(std::move(word));
  }
  return words;
}

std::optional<std::uint8_t> protocol_numbered(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::uint8_t>, 6> known{
      {{"tcp", IPPROTO_TCP},
       {"udp", IPPROTO_UDP},
       {"icmp", IPPROTO_ICMP},
       {"sctp", IPPROTO_SCTP},
       {"esp", IPPROTO_ESP},
       {"ipv6-icmp", IPPROTO_ICMPV6}}};
  const auto* const found =
      std::ranges::find(known, name, [](const auto& each) { return each.first; });
  if (found != known.end()) {
    return found->second;
  }
  std::uint8_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
  return read.ec == std::errc{} ? std::optional(number) : std::nullopt;
}

std::uint32_t states_named(std::string_view list) {
  constexpr std::array<std::pair<std::string_view, std::uint32_t>, 5> known{
      {{"INVALID", NF_CT_STATE_INVALID_BIT},
       {"NEW", NF_CT_STATE_BIT(IP_CT_NEW)},
       {"RELATED", NF_CT_STATE_BIT(IP_CT_RELATED)},
       {"ESTABLISHED", NF_CT_STATE_BIT(IP_CT_ESTABLISHED)},
       {"UNTRACKED", NF_CT_STATE_UNTRACKED_BIT}}};
  std::uint32_t states = 0;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
    for (const auto& [each, bit] : known) {
      states |= each == name ? bit : 0;
    }
  }
  return states;
}

Condition address(Side side, const std::string& text, bool is_negated) {
  const auto network = net::parse_cidr(text.find('/') == text.npos ? text + "/32" : text);
  if (!network || !network->address.is_v4()) {
    return Special{};
  }
  return AddressAmong{side, nft::merge(std::array{*network}), is_negated};
}

Condition interface(Direction direction, std::string name, bool is_negated) {
  if (name.ends_with('+')) {
    name.back() = '*';
  }
  return InterfaceAmong{direction, {std::move(name)}, is_negated};
}

Condition protocol(const std::string& name, bool is_negated) {
  const auto number = protocol_numbered(name);
  return number ? Condition{ProtocolAmong{{*number}, is_negated}} : Condition{Special{}};
}

/// Options of an -A line after the chain.
Rule parse_rule(const Words& words, std::size_t from) {
  Rule rule;
  bool is_negated = false;
  bool is_known_match = true;  // of the last -m
  for (std::size_t i = from; i < words.size(); ++i) {
    const std::string& option = words[i];
    if (option == "!") {
      is_negated = true;
      continue;
    }
    const bool has_value = i + 1 < words.size();
    const std::string value = has_value ? words[i + 1] : "";
    const bool negated = std::exchange(is_negated, false);
    if (option == "-s" || option == "-d") {
      rule.conditions.push_back(
          address(option == "-s" ? Side::source : Side::destination, value, negated));
    } else if (option == "-i" || option == "-o") {
      rule.conditions.push_back(
          interface(option == "-i" ? Direction::in : Direction::out, value, negated));
    } else if (option == "-p") {
      rule.conditions.push_back(protocol(value, negated));
    } else if (option == "--ctstate" || option == "--state") {
      rule.conditions.emplace_back(StateAmong{states_named(value), negated});
    } else if (option == "--comment") {
      rule.comment = value;
    } else if (option == "-m") {
      // A protocol's match says nothing more without options.
      is_known_match = value == "comment" || value == "conntrack" || value == "state" ||
                       protocol_numbered(value).has_value();
      if (!is_known_match) {
        rule.conditions.emplace_back(Special{});
      }
    } else if (option == "-j" || option == "-g") {
      rule.verdict = option == "-g"       ? Verdict::goto_
                     : value == "ACCEPT"  ? Verdict::accept
                     : value == "DROP"    ? Verdict::drop
                     : value == "REJECT"  ? Verdict::reject
                     : value == "RETURN"  ? Verdict::return_
                     : value == "NFQUEUE" ? Verdict::accept  // a program decides
                     : translates(value)  ? Verdict::accept
                                          : Verdict::jump;
      rule.target = rule.verdict == Verdict::goto_ || rule.verdict == Verdict::jump ? value : "";
      break;  // what follows are the target's options
    } else if (option == "-f" || option.starts_with("--")) {
      if (is_known_match) {
        rule.conditions.emplace_back(Special{});
      }
      continue;  // its values are no options
    } else {
      continue;
    }
    ++i;
  }
  return rule;
}

/// Of the built-in chain `name`.
std::optional<BaseChain> base_chain(std::string_view name, std::string_view policy) {
  constexpr std::array<std::pair<std::string_view, std::uint32_t>, 5> hooks{
      {{"PREROUTING", NF_INET_PRE_ROUTING},
       {"INPUT", NF_INET_LOCAL_IN},
       {"FORWARD", NF_INET_FORWARD},
       {"OUTPUT", NF_INET_LOCAL_OUT},
       {"POSTROUTING", NF_INET_POST_ROUTING}}};
  for (const auto& [each, hook] : hooks) {
    if (each == name) {
      return BaseChain{std::string(name), hook, 0, policy == "DROP"};
    }
  }
  return std::nullopt;
}

void take_chain(const Words& words, Table& table) {
  const std::string name = words[0].substr(1);
  table.chains.try_emplace(name);
  if (words.size() > 1) {
    if (auto base = base_chain(name, words[1])) {
      base->is_nat = table.name == "iptables-legacy nat";
      table.base_chains.push_back(*std::move(base));
    }
  }
}

void take_rule(const Words& words, Table& table) {
  auto& rules = table.chains[words[1]];
  Rule rule = parse_rule(words, 2);
  rule.place = fmt::format("rule {}", rules.size() + 1);
  rules.push_back(std::move(rule));
}

}  // namespace

std::vector<Table> parse_legacy(std::string_view saved) {
  std::vector<Table> tables;
  while (!saved.empty()) {
    const std::string_view line = saved.substr(0, saved.find('\n'));
    saved.remove_prefix(std::min(line.size() + 1, saved.size()));
    const Words words = split(line);
    if (words.empty()) {
      continue;
    }
    if (words[0].starts_with('*')) {
      tables.push_back({"iptables-legacy " + words[0].substr(1), false, {}, {}});
    } else if (words[0].starts_with(':') && !tables.empty()) {
      take_chain(words, tables.back());
    } else if (words[0] == "-A" && words.size() > 1 && !tables.empty()) {
      take_rule(words, tables.back());
    }
  }
  std::erase_if(tables, [](const Table& table) { return table.base_chains.empty(); });
  return tables;
}

}  // namespace weft::firewall
