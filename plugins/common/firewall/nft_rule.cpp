/// Follows the values in the registers of a rule to what it compares them with.

#include "nft_rule.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <net/ethernet.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include <weft/nft/reader.hpp>

namespace weft::firewall {
namespace {

/// The kernel writes a register of sixteen octets as 1 to 4, one of four as 8 to 23.
std::uint32_t number_of_register(std::uint32_t written) {
  return written <= NFT_REG_4 ? NFT_REG32_00 + (written - 1) * 4 : written;
}

/// Reads one rule's expressions in order.
class Reader {
 public:
  explicit Reader(const RuleContext& context) : context_(context) {}

  [[nodiscard]] std::vector<Rule> read(const nftnl_rule& rule) {
    rule_.comment = nft::comment_of(rule);
    rule_.place = fmt::format("handle {}", nftnl_rule_get_u64(&rule, NFTNL_RULE_HANDLE));
    nftnl_expr_foreach(
        const_cast<nftnl_rule*>(&rule),  // it wants a pointer that it does not write to
        [](nftnl_expr* expression, void* self) {
          static_cast<Reader*>(self)->take(*expression);
          return 0;
        },
        this);
    if (!is_map_) {
      return {std::move(rule_)};
    }
    for (Rule& each : by_element_) {
      each.place = rule_.place;
      each.comment = rule_.comment;
    }
    return std::move(by_element_);
  }

 private:
  void take(nftnl_expr& expression) {
    const std::string_view kind = nftnl_expr_get_str(&expression, NFTNL_EXPR_NAME);
    if (kind == "meta") {
      take_meta(expression);
    } else if (kind == "payload") {
      take_payload(expression);
    } else if (kind == "ct") {
      take_ct(expression);
    } else if (kind == "bitwise") {
      take_bitwise(expression);
    } else if (kind == "cmp") {
      take_comparison(expression);
    } else if (kind == "range") {
      take_range(expression);
    } else if (kind == "lookup") {
      take_lookup(expression);
    } else if (kind == "immediate") {
      take_immediate(expression);
    } else if (kind == "reject") {
      rule_.verdict = Verdict::reject;
    } else if (kind == "match") {
      take_match(expression);
    } else if (kind == "target") {
      take_target(expression);
    } else if (kind == "queue") {
      rule_.verdict = Verdict::accept;  // a program decides
    } else if (kind == "nat" || kind == "masq" || kind == "redir") {
      rule_.verdict = Verdict::accept;  // nothing after it in the chain is asked
    } else if (kind == "limit" || kind == "quota" || kind == "connlimit") {
      rule_.conditions.emplace_back(Special{});
    } else if (kind != "counter" && kind != "log" && kind != "notrack" && kind != "objref") {
      registers_.clear();  // it may have written any of them
    }
  }

  void take_meta(nftnl_expr& expression) {
    if (nftnl_expr_is_set(&expression, NFTNL_EXPR_META_DREG)) {
      load(nftnl_expr_get_u32(&expression, NFTNL_EXPR_META_DREG),
           loaded_by_meta(nftnl_expr_get_u32(&expression, NFTNL_EXPR_META_KEY)));
    }
  }

  void take_payload(nftnl_expr& expression) {
    if (nftnl_expr_is_set(&expression, NFTNL_EXPR_PAYLOAD_DREG)) {
      load(nftnl_expr_get_u32(&expression, NFTNL_EXPR_PAYLOAD_DREG),
           loaded_from_payload(nftnl_expr_get_u32(&expression, NFTNL_EXPR_PAYLOAD_BASE),
                               nftnl_expr_get_u32(&expression, NFTNL_EXPR_PAYLOAD_OFFSET),
                               nftnl_expr_get_u32(&expression, NFTNL_EXPR_PAYLOAD_LEN),
                               context_.is_arp));
    }
  }

  void take_ct(nftnl_expr& expression) {
    if (!nftnl_expr_is_set(&expression, NFTNL_EXPR_CT_DREG)) {
      return;
    }
    const std::uint32_t key = nftnl_expr_get_u32(&expression, NFTNL_EXPR_CT_KEY);
    Value value;
    if (key == NFT_CT_STATE || key == NFT_CT_STATUS) {
      value = {key == NFT_CT_STATE ? Held::state : Held::status, 4};
    }
    load(nftnl_expr_get_u32(&expression, NFTNL_EXPR_CT_DREG), value);
  }

  void take_bitwise(nftnl_expr& expression) {
    Value value = held_by(nftnl_expr_get_u32(&expression, NFTNL_EXPR_BITWISE_SREG));
    const bool is_mask = nftnl_expr_get_u32(&expression, NFTNL_EXPR_BITWISE_OP) == 0;
    const Bytes flipped = data(expression, NFTNL_EXPR_BITWISE_XOR);
    const bool flips =
        std::ranges::any_of(flipped, [](std::byte octet) { return octet != std::byte{0}; });
    value = is_mask && !flips && value.mask.empty() ? value : Value{};
    value.mask = data(expression, NFTNL_EXPR_BITWISE_MASK);
    load(nftnl_expr_get_u32(&expression, NFTNL_EXPR_BITWISE_DREG), std::move(value));
  }

  void take_comparison(nftnl_expr& expression) {
    const std::uint32_t operation = nftnl_expr_get_u32(&expression, NFTNL_EXPR_CMP_OP);
    const Value value = held_by(nftnl_expr_get_u32(&expression, NFTNL_EXPR_CMP_SREG));
    const Bytes with = data(expression, NFTNL_EXPR_CMP_DATA);
    if (operation == NFT_CMP_EQ || operation == NFT_CMP_NEQ) {
      rule_.conditions.push_back(
          compared(value, with, operation == NFT_CMP_NEQ, context_.interfaces));
    } else if (is_address(value) && with.size() == 4) {
      rule_.conditions.emplace_back(AddressAmong{
          side_of(value), {bounded_by(operation, load_be<std::uint32_t>(with.data()))}});
    } else {
      rule_.conditions.emplace_back(Special{});
    }
  }

  /// Ranges are compared from both sides. An empty one is not worth a case of its own.
  static Interval bounded_by(std::uint32_t operation, std::uint32_t bound) {
    switch (operation) {
      case NFT_CMP_LT:
        return {0, bound - 1};
      case NFT_CMP_LTE:
        return {0, bound};
      case NFT_CMP_GT:
        return {bound + 1, UINT32_MAX};
      default:
        return {bound, UINT32_MAX};
    }
  }

  void take_range(nftnl_expr& expression) {
    const Value value = held_by(nftnl_expr_get_u32(&expression, NFTNL_EXPR_RANGE_SREG));
    const Bytes from = data(expression, NFTNL_EXPR_RANGE_FROM_DATA);
    const Bytes to = data(expression, NFTNL_EXPR_RANGE_TO_DATA);
    if (!is_address(value) || from.size() != 4 || to.size() != 4) {
      rule_.conditions.emplace_back(Special{});
      return;
    }
    rule_.conditions.emplace_back(
        AddressAmong{side_of(value),
                     {{load_be<std::uint32_t>(from.data()), load_be<std::uint32_t>(to.data())}},
                     nftnl_expr_get_u32(&expression, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ});
  }

  void take_lookup(nftnl_expr& expression) {
    const Value value = held_by(nftnl_expr_get_u32(&expression, NFTNL_EXPR_LOOKUP_SREG));
    const bool is_map = nftnl_expr_is_set(&expression, NFTNL_EXPR_LOOKUP_DREG);
    std::optional<std::vector<Element>> elements;
    if (value.held != Held::special && value.mask.empty()) {
      elements = context_.elements(nftnl_expr_get_str(&expression, NFTNL_EXPR_LOOKUP_SET));
    }
    const bool may_end = !is_map || (is_address(value) && value.bytes == 4);
    const bool is_understood =
        elements && std::ranges::all_of(*elements, [&](const Element& element) {
          return element.key.empty() ||
                 (element.key.size() == value.bytes && (may_end || !element.ends_interval));
        });
    if (!is_understood) {
      rule_.conditions.emplace_back(Special{});
    } else if (is_map) {
      decide_by(value, *std::move(elements));
    } else {
      const std::uint32_t flags = nftnl_expr_get_u32(&expression, NFTNL_EXPR_LOOKUP_FLAGS);
      rule_.conditions.push_back(
          among(value, *elements, (flags & NFT_LOOKUP_F_INV) != 0, context_.interfaces));
    }
    if (is_map) {
      registers_.clear();
    }
  }

  void take_immediate(nftnl_expr& expression) {
    if (nftnl_expr_get_u32(&expression, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT) {
      load(nftnl_expr_get_u32(&expression, NFTNL_EXPR_IMM_DREG), {});
      return;
    }
    switch (static_cast<int>(nftnl_expr_get_u32(&expression, NFTNL_EXPR_IMM_VERDICT))) {
      case NF_ACCEPT:
        rule_.verdict = Verdict::accept;
        break;
      case NF_DROP:
        rule_.verdict = Verdict::drop;
        break;
      case NFT_RETURN:
        rule_.verdict = Verdict::return_;
        break;
      case NFT_JUMP:
        rule_.verdict = Verdict::jump;
        break;
      case NFT_GOTO:
        rule_.verdict = Verdict::goto_;
        break;
      default:
        break;
    }
    if (const char* const chain = nftnl_expr_get_str(&expression, NFTNL_EXPR_IMM_CHAIN)) {
      rule_.target = chain;
    }
  }

  /// A match of iptables that has no expression of its own.
  void take_match(nftnl_expr& expression) {
    const std::string_view name = nftnl_expr_get_str(&expression, NFTNL_EXPR_MT_NAME);
    if (name == "comment") {
      return;
    }
    std::uint32_t bytes = 0;
    const void* const info = nftnl_expr_get(&expression, NFTNL_EXPR_MT_INFO, &bytes);
    // Revisions 2 and 3 are alike in what is read here; `-m state` is the same match.
    if ((name == "conntrack" || name == "state") && info != nullptr &&
        nftnl_expr_get_u32(&expression, NFTNL_EXPR_MT_REV) >= 2 &&
        bytes >= sizeof(xt_conntrack_mtinfo3)) {
      xt_conntrack_mtinfo3 match{};
      std::memcpy(&match, info, sizeof match);
      if ((match.match_flags & ~XT_CONNTRACK_STATE_ALIAS) == XT_CONNTRACK_STATE) {
        rule_.conditions.emplace_back(
            StateAmong{match.state_mask, (match.invert_flags & XT_CONNTRACK_STATE) != 0});
        return;
      }
    }
    rule_.conditions.emplace_back(Special{});
  }

  void take_target(nftnl_expr& expression) {
    const std::string_view name = nftnl_expr_get_str(&expression, NFTNL_EXPR_TG_NAME);
    if (name == "REJECT") {
      rule_.verdict = Verdict::reject;
    } else if (name == "NFQUEUE") {
      rule_.verdict = Verdict::accept;  // a program decides
    } else if (translates(name)) {
      rule_.verdict = Verdict::accept;
    }
  }

  void decide_by(const Value& value, std::vector<Element> elements) {
    is_map_ = true;
    std::ranges::stable_partition(elements,
                                  [](const Element& element) { return !element.key.empty(); });
    for (const Element& element : elements) {
      if (element.ends_interval) {
        continue;
      }
      Rule rule = rule_;
      rule.conditions.push_back(
          among(value, with_its_end(element, elements), false, context_.interfaces));
      rule.verdict = element.verdict;
      rule.target = element.target;
      by_element_.push_back(std::move(rule));
    }
  }

  /// The element, and the end of the range that it begins.
  static std::vector<Element> with_its_end(const Element& element,
                                           const std::vector<Element>& elements) {
    std::vector<Element> range{element};
    const Element* end = nullptr;
    for (const Element& each : elements) {
      if (each.ends_interval && each.key > element.key && (end == nullptr || each.key < end->key)) {
        end = &each;
      }
    }
    if (end != nullptr) {
      range.push_back(*end);
    }
    return range;
  }

  static Bytes data(nftnl_expr& expression, std::uint16_t attribute) {
    std::uint32_t bytes = 0;
    const auto* const octets =
        static_cast<const std::byte*>(nftnl_expr_get(&expression, attribute, &bytes));
    return octets == nullptr ? Bytes{} : Bytes(octets, octets + bytes);
  }

  void load(std::uint32_t into, Value value) {
    registers_[number_of_register(into)] = std::move(value);
  }

  [[nodiscard]] Value held_by(std::uint32_t number) const {
    const auto found = registers_.find(number_of_register(number));
    return found == registers_.end() ? Value{} : found->second;
  }

  const RuleContext& context_;
  std::map<std::uint32_t, Value> registers_;
  Rule rule_;
  bool is_map_ = false;           // of verdicts
  std::vector<Rule> by_element_;  // then
};

}  // namespace

std::vector<Rule> understand(const nftnl_rule& rule, const RuleContext& context) {
  return Reader(context).read(rule);
}

}  // namespace weft::firewall
