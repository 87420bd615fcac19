/// Follows a kind of packet through the chains of a table.

#include "judge.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace weft::firewall {
namespace {

// The kernel allows chains to be nested 16 deep. Source: Linux nf_tables.h, NFT_JUMP_STACK_SIZE.
constexpr int deepest = 32;

enum class Answer : std::uint8_t { no, unknown, yes };

Answer negate_if(bool is_negated, Answer answer) {
  if (!is_negated || answer == Answer::unknown) {
    return answer;
  }
  return answer == Answer::yes ? Answer::no : Answer::yes;
}

bool contains(const Interval& outer, const Interval& inner) {
  return outer.first <= inner.first && inner.last <= outer.last;
}

/// Whether each of `some`, or none of them, is among `all`.
Answer among(std::span<const Interval> some, std::span<const Interval> all) {
  const bool all_inside = std::ranges::all_of(some, [&](const Interval& each) {
    return std::ranges::any_of(all, [&](const Interval& range) { return contains(range, each); });
  });
  if (all_inside) {
    return Answer::yes;
  }
  const bool any_touches = std::ranges::any_of(some, [&](const Interval& each) {
    return std::ranges::any_of(all, [&](const Interval& range) {
      return range.first <= each.last && each.first <= range.last;
    });
  });
  return any_touches ? Answer::unknown : Answer::no;
}

constexpr std::array<Interval, 1> everywhere{{{0, UINT32_MAX}}};

/// One walk of a kind of packet through one table.
class Walk {
 public:
  Walk(const Table& table, const Kind& kind, const Pods& pods)
      : table_(table), kind_(kind), pods_(pods) {}

  [[nodiscard]] std::optional<Drop> from(const BaseChain& base) {
    const Outcome outcome = through(base.name, 0);
    if (outcome.drop) {
      Drop drop = *outcome.drop;
      drop.is_about_pods = drop.is_about_pods || has_exceptions_;
      return drop;
    }
    if (!outcome.is_over && base.drops_by_policy) {
      return Drop{base.name, {}, {}, false, has_exceptions_};
    }
    return std::nullopt;
  }

 private:
  /// What a chain does: it ends the walk, with or without a drop, or the caller goes on.
  struct Outcome {
    bool is_over = false;
    std::optional<Drop> drop = {};
  };

  Outcome through(const std::string& chain, int depth) {
    if (const auto known = known_.find(chain); known != known_.end()) {
      return known->second;
    }
    const auto found = table_.chains.find(chain);
    if (found == table_.chains.end() || depth > deepest) {
      return {};
    }
    Outcome outcome;
    for (const Rule& rule : found->second) {
      const Answer answer = matches(rule);
      if (answer == Answer::unknown) {
        has_exceptions_ =
            has_exceptions_ || (may_accept(rule) && (pods_chains_ > 0 || names_pods(rule)));
      } else if (answer == Answer::yes) {
        if (rule.verdict == Verdict::return_) {
          break;
        }
        outcome = follow(chain, rule, depth);
        if (outcome.is_over || rule.verdict == Verdict::goto_) {
          break;
        }
      }
    }
    known_.emplace(chain, outcome);
    return outcome;
  }

  Outcome follow(const std::string& chain, const Rule& rule, int depth) {
    switch (rule.verdict) {
      case Verdict::accept:
        return {true};
      case Verdict::drop:
      case Verdict::reject:
        return {true, Drop{chain, rule.place, rule.comment, rule.verdict == Verdict::reject,
                           names_pods(rule)}};
      case Verdict::jump:
      case Verdict::goto_: {
        const bool is_about_pods = names_pods(rule);
        pods_chains_ += is_about_pods ? 1 : 0;
        Outcome outcome = through(rule.target, depth + 1);
        pods_chains_ -= is_about_pods ? 1 : 0;
        if (outcome.drop && is_about_pods) {
          outcome.drop->is_about_pods = true;
        }
        return outcome;
      }
      case Verdict::none:
      case Verdict::return_:
        break;
    }
    return {};
  }

  static bool may_accept(const Rule& rule) {
    return rule.verdict == Verdict::accept || rule.verdict == Verdict::jump ||
           rule.verdict == Verdict::goto_;
  }

  Answer matches(const Rule& rule) const {
    Answer all = Answer::yes;
    for (const Condition& condition : rule.conditions) {
      const Answer answer =
          std::visit([this](const auto& each) { return this->ask(each); }, condition);
      if (answer == Answer::no) {
        return Answer::no;
      }
      all = std::min(all, answer);
    }
    return all;
  }

  Answer ask(const InterfaceAmong& condition) const {
    const std::optional<std::string> name = condition.is_bridge ? std::optional(pods_.bridge)
                                            : condition.direction == Direction::in ? kind_.in
                                                                                   : kind_.out;
    Answer any = Answer::no;
    for (const std::string& each : condition.names) {
      any = std::max(any, name ? is_named(*name, each) : may_be_named(each));
    }
    return negate_if(condition.is_negated, any);
  }

  static Answer is_named(std::string_view name, std::string_view pattern) {
    const bool is_prefix = pattern.ends_with('*');
    const bool is_equal =
        is_prefix ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
    return is_equal ? Answer::yes : Answer::no;
  }

  /// Of an interface that is not the pods' bridge.
  Answer may_be_named(std::string_view pattern) const {
    if (pattern == "*") {
      return Answer::yes;
    }
    return pattern == pods_.bridge ? Answer::no : Answer::unknown;
  }

  Answer ask(const AddressAmong& condition) const {
    const auto& known = condition.side == Side::source ? kind_.sources : kind_.destinations;
    const std::span<const Interval> asked =
        known.empty() ? std::span(everywhere) : std::span(known);
    return negate_if(condition.is_negated, among(asked, condition.addresses));
  }

  Answer ask(const ProtocolAmong& condition) const {
    const bool is_among = std::ranges::count(condition.numbers, kind_.protocol) != 0;
    return negate_if(condition.is_negated, is_among ? Answer::yes : Answer::no);
  }

  Answer ask(const StateAmong& condition) const {
    const bool is_among = (condition.states & kind_.state) != 0;
    return negate_if(condition.is_negated, is_among ? Answer::yes : Answer::no);
  }

  static Answer ask(const Always& condition) {
    return condition.matches ? Answer::yes : Answer::no;
  }

  static Answer ask(const Special& /*condition*/) { return Answer::unknown; }

  bool names_pods(const Rule& rule) const {
    return std::ranges::any_of(rule.conditions, [this](const Condition& condition) {
      if (const auto* const interface = std::get_if<InterfaceAmong>(&condition)) {
        return !interface->is_negated && std::ranges::count(interface->names, pods_.bridge) != 0;
      }
      if (const auto* const address = std::get_if<AddressAmong>(&condition)) {
        return !address->is_negated && !address->addresses.empty() &&
               among(address->addresses, pods_.networks) == Answer::yes;
      }
      return false;
    });
  }

  const Table& table_;
  const Kind& kind_;
  const Pods& pods_;
  std::map<std::string, Outcome> known_;
  int pods_chains_ = 0;  // how many of the jumps under way name pods
  bool has_exceptions_ = false;
};

}  // namespace

std::optional<Drop> judge(const Table& table, const BaseChain& chain, const Kind& kind,
                          const Pods& pods) {
  return Walk(table, kind, pods).from(chain);
}

}  // namespace weft::firewall
