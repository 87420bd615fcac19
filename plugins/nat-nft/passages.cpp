/// Reads the counts of our table, and tells losses from traffic that is refused in part.

#include "passages.hpp"

#include <linux/netfilter.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <weft/nft/reader.hpp>

#include "common/attachment/guard_names.hpp"
#include "ruleset.hpp"

namespace weft::nat {
namespace {

// Counts are not read all at once: less than an eighth may be an error of that.
constexpr std::uint64_t reading_error = 8;
// After which nobody knows whether a loss goes on.
constexpr int idle_windows = 6;
constexpr std::string_view guard_key = "guard";

/// Where a kind of traffic is counted before and after a hook.
struct Passage {
  Traffic traffic;
  std::uint32_t hook;
  std::string_view before;
  std::string_view after;
  std::array<std::string_view, 2> elsewhere = {};  // what of it rightly goes another way
};

constexpr std::array<Passage, Passages::number> passages{{
    {Traffic::pods_to_outside,
     NF_INET_PRE_ROUTING,
     "prerouting_first/pods to the outside",
     "forward_first/pods to the outside",
     {"input_first/pods to the outside", "forward_first/translated to pods"}},
    {Traffic::pods_to_pods, NF_INET_FORWARD, "forward_first/pods to pods",
     "forward_last/pods to pods"},
    {Traffic::pods_to_outside,
     NF_INET_FORWARD,
     "forward_first/pods to the outside",
     "forward_last/pods to the outside",
     {guard_key}},
    {Traffic::pods_to_outside, NF_INET_POST_ROUTING, "forward_last/pods to the outside",
     "postrouting_last/pods to the outside"},
    {Traffic::answers_to_pods, NF_INET_FORWARD, "forward_first/answers to pods",
     "forward_last/answers to pods"},
    {Traffic::answers_to_pods, NF_INET_POST_ROUTING, "forward_last/answers to pods",
     "postrouting_last/to pods"},
    {Traffic::answers_to_node, NF_INET_LOCAL_IN, "input_first/answers to this node",
     "input_last/answers to this node"},
    {Traffic::node_to_pods, NF_INET_LOCAL_OUT, "output_first/to pods", "output_last/to pods"},
}};

std::uint64_t count_of(const Counts& counts, std::string_view key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

/// Since `before`; the counts begin anew when the table is put back.
std::uint64_t since(const Counts& before, const Counts& now, std::string_view key) {
  const std::uint64_t old = count_of(before, key);
  const std::uint64_t current = count_of(now, key);
  return current >= old ? current - old : current;
}

std::uint64_t came(const Passage& passage, const Counts& before, const Counts& now) {
  const std::uint64_t all = since(before, now, passage.before);
  std::uint64_t elsewhere = 0;
  for (const std::string_view key : passage.elsewhere) {
    elsewhere += since(before, now, key);
  }
  const std::uint64_t rest = all - std::min(all, elsewhere);
  return elsewhere != 0 && rest < all / reading_error ? 0 : rest;
}

}  // namespace

Result<Counts> read_counts(nl::Socket& netfilter) {
  Counts counts;
  const auto add = [&](const nft::TableName& table, auto key_of) -> Result<> {
    std::optional<std::vector<nft::ReadRule>> rules;
    WEFT_TRY(rules, nft::read_rules(netfilter, table));
    for (const nft::ReadRule& rule : rules.value_or(std::vector<nft::ReadRule>{})) {
      counts[key_of(rule)] += rule.packets;
    }
    return {};
  };
  WEFT_TRY(
      add({table_name}, [](const nft::ReadRule& rule) { return rule.chain + "/" + rule.comment; }));
  WEFT_TRY(add(cni::node_guard_table_name, [](const nft::ReadRule& rule) {
    return std::string(rule.chain == cni::node_guard_forward_chain ? guard_key : "");
  }));
  return counts;
}

void Passages::take(Counts counts, const std::function<bool()>& is_outside_routed) {
  for (std::size_t i = 0; last_ && i < passages.size(); ++i) {
    const Passage& passage = passages[i];
    const std::uint64_t passed = since(*last_, counts, passage.after);
    std::uint64_t lost = passed != 0 ? 0 : came(passage, *last_, counts);
    const bool is_much = lost != 0 && states_[i].lost + lost >= lost_packets;
    if (passage.hook == NF_INET_PRE_ROUTING && is_much && !is_outside_routed()) {
      lost = 0;
    }
    take(states_[i], lost, passed);
  }
  last_ = std::move(counts);
}

void Passages::take(State& state, std::uint64_t lost, std::uint64_t passed) {
  if (passed != 0) {
    state = {};
  } else if (lost != 0) {
    state.lost += lost;
    ++state.windows;
    ++state.busy;
    state.idle = 0;
  } else if (state.windows != 0) {
    ++state.windows;
    if (++state.idle == idle_windows) {
      state = {};
    }
  }
}

std::vector<Loss> Passages::losses() const {
  std::vector<Loss> losses;
  for (std::size_t i = 0; i < passages.size(); ++i) {
    const State& state = states_[i];
    if (state.busy >= lost_windows && state.lost >= lost_packets) {
      losses.push_back({passages[i].traffic, passages[i].hook, state.lost, state.windows});
    }
  }
  return losses;
}

std::string_view name_of_hook(std::uint32_t hook) noexcept {
  switch (hook) {
    case NF_INET_PRE_ROUTING:
      return "prerouting";
    case NF_INET_LOCAL_IN:
      return "input";
    case NF_INET_FORWARD:
      return "forward";
    case NF_INET_LOCAL_OUT:
      return "output";
    default:
      return "postrouting";
  }
}

std::string describe(const Loss& loss) {
  return fmt::format(
      "{} packets came in within {} s and none came out", loss.packets,
      std::chrono::duration_cast<std::chrono::seconds>(window * loss.windows).count());
}

std::string how_to_trace(const Loss& loss, const std::string& bridge) {
  const bool is_from_pods =
      loss.traffic != Traffic::answers_to_pods && loss.traffic != Traffic::node_to_pods;
  // Interfaces that a packet came in by are known in every hook, others not before the routing.
  return fmt::format(
      "nft 'add table ip weft-trace; add chain ip weft-trace first {{ type filter hook {} priority "
      "-2147483647; }}; add rule ip weft-trace first {} {} limit rate 1/second meta nftrace set "
      "1'; "
      "timeout 10 nft monitor trace; nft delete table ip weft-trace",
      name_of_hook(loss.hook), is_from_pods ? "iifname" : "oifname", bridge);
}

}  // namespace weft::nat
