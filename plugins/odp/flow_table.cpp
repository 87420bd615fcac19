/// Installs, replaces and deletes flows so that the kernel does what the plan says.

#include "flow_table.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace weft::odp {
namespace {

using Certainty = FlowDecision::Certainty;

/// A rule for a port as such, not for somebody's traffic.
bool is_permanent(const FlowKey& key) {
  return !key.macs && !key.tunnel;
}

}  // namespace

void FlowTable::missed(const std::vector<FlowKey>& keys, TimePoint now) {
  std::vector<FlowChange> additions;
  for (const FlowKey& key : keys) {
    if (flows_.contains(key)) {
      continue;  // frames that were on their way before the rule was there
    }
    Verdict verdict = plan_(key);
    if (verdict.certainty != Certainty::settled || !verdict.actions) {
      continue;
    }
    if (flows_.size() >= max_flows) {
      ++counts_.refused;
      continue;
    }
    flows_[key] = {.actions = *verdict.actions, .last_used = now, .is_hairpin = verdict.is_hairpin};
    additions.push_back({key, std::move(verdict.actions)});
  }
  const auto outcomes = sink_.apply(additions);
  for (std::size_t i = 0; i < additions.size(); ++i) {
    if (!outcomes[i]) {
      ++counts_.refused;
      flows_.erase(additions[i].key);
      continue;
    }
    ++counts_.installed;
    counts_.hairpins += flows_[additions[i].key].is_hairpin ? 1 : 0;
  }
}

std::optional<FlowChange> FlowTable::update(const FlowKey& key, Entry& entry, TimePoint now) {
  const FlowChange deletion{key, std::nullopt};
  Verdict verdict = plan_(key);
  if (verdict.certainty == Certainty::unknown) {
    entry.doubtful_since = entry.doubtful_since.value_or(now);
    return now - *entry.doubtful_since < grace ? std::nullopt : std::optional(deletion);
  }
  entry.doubtful_since.reset();
  if (verdict.certainty == Certainty::refuted || !verdict.actions) {
    return deletion;
  }
  const bool was_hairpin = std::exchange(entry.is_hairpin, verdict.is_hairpin);
  counts_.hairpins += verdict.is_hairpin && !was_hairpin ? 1 : 0;
  return *verdict.actions == entry.actions
             ? std::nullopt
             : std::optional(FlowChange{key, std::move(verdict.actions)});
}

void FlowTable::apply(std::span<const FlowChange> changes) {
  const auto outcomes = sink_.apply(changes);
  std::vector<FlowChange> deletions;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const FlowChange& change = changes[i];
    counts_.refused += outcomes[i] ? 0 : 1;
    if (!change.actions) {
      counts_.deleted += outcomes[i] ? 1 : 0;
      flows_.erase(change.key);  // if it is still there, the next sweep finds it
    } else if (outcomes[i]) {
      ++counts_.replaced;
      flows_[change.key].actions = *change.actions;
    } else {
      deletions.push_back({change.key, std::nullopt});
    }
  }
  if (!deletions.empty()) {
    apply(deletions);
  }
}

void FlowTable::replan(TimePoint now) {
  std::vector<FlowChange> changes;
  for (auto& [key, entry] : flows_) {
    if (auto change = update(key, entry, now)) {
      changes.push_back(*std::move(change));
    }
  }
  apply(changes);
}

bool FlowTable::uses(PortNumber port) const {
  const Action leaving = Output{port};
  return std::ranges::any_of(flows_, [&](const auto& flow) {
    return flow.first.in_port == port || std::ranges::count(flow.second.actions, leaving) != 0;
  });
}

Result<std::vector<FlowKey>> FlowTable::sweep(TimePoint now) {
  std::vector<KernelFlow> dumped;
  WEFT_TRY(dumped, sink_.dump());
  std::vector<FlowKey> used;
  std::set<FlowKey> present;
  for (KernelFlow& flow : dumped) {
    if (!flow.is_plain) {
      continue;  // not ours, and weft does not know what it is for
    }
    present.insert(flow.key);
    const auto [at, is_new] = flows_.try_emplace(flow.key);
    Entry& entry = at->second;
    if (is_new) {
      ++counts_.adopted;
      entry = {.actions = std::move(flow.actions), .last_used = now};
    }
    if (flow.used_ms != 0) {
      entry.last_used = TimePoint(std::chrono::milliseconds(flow.used_ms));
      if (now - entry.last_used < fresh) {
        used.push_back(flow.key);
      }
    }
  }
  std::vector<FlowChange> deletions;
  for (auto at = flows_.begin(); at != flows_.end();) {
    if (!present.contains(at->first)) {
      at = flows_.erase(at);
      continue;
    }
    if (now - at->second.last_used >= max_idle && !is_permanent(at->first)) {
      deletions.push_back({at->first, std::nullopt});
    }
    ++at;
  }
  apply(deletions);
  return used;
}

}  // namespace weft::odp
