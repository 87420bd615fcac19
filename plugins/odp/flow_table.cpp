/// Installs, replaces and deletes flows so that the kernel does what the plan says.

#include "flow_table.hpp"

#include <algorithm>
#include <iterator>
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
      install(std::exchange(additions, {}));
      make_room(origin_of(key));
    }
    flows_[key] = {.actions = *verdict.actions, .last_used = now, .is_hairpin = verdict.is_hairpin};
    additions.push_back({key, std::move(verdict.actions)});
  }
  install(additions);
}

void FlowTable::install(const std::vector<FlowChange>& additions) {
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

FlowTable::Origin FlowTable::origin_of(const FlowKey& key) {
  return {key.in_port, key.tunnel ? fastdp::source_of(key.tunnel->id) : std::uint16_t{0}};
}

void FlowTable::make_room(const Origin& origin) {
  std::map<Origin, std::vector<Flows::iterator>> by_origin;
  for (auto at = flows_.begin(); at != flows_.end(); ++at) {
    if (!is_permanent(at->first)) {
      by_origin[origin_of(at->first)].push_back(at);
    }
  }
  const std::size_t own = by_origin[origin].size();
  const auto most =
      std::ranges::max_element(by_origin, {}, [](const auto& each) { return each.second.size(); });
  const bool is_own = most->second.size() <= own + 1;
  std::vector<Flows::iterator>& flows = is_own ? by_origin[origin] : most->second;
  // Half of what it has more than `origin`, so that neither has to give way again soon.
  const std::size_t surplus = flows.size() - (is_own ? 0 : own);
  const auto count = std::min({std::max<std::size_t>(surplus / 2, 1), max_displaced, flows.size()});
  const auto end = flows.begin() + static_cast<std::ptrdiff_t>(count);
  std::ranges::nth_element(flows, end, {}, [](const Flows::iterator& flow) {
    return std::pair{flow->second.was_used, flow->second.last_used};
  });
  std::vector<FlowChange> deletions;
  std::ranges::transform(flows.begin(), end, std::back_inserter(deletions),
                         [](const auto& flow) { return FlowChange{flow->first, std::nullopt}; });
  const std::uint64_t before = counts_.deleted;
  apply(deletions);
  const std::uint64_t displaced = counts_.deleted - before;
  counts_.displaced += displaced;
  counts_.deleted -= displaced;
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

void FlowTable::forget_id(std::uint16_t short_id) {
  const auto names = [short_id](const Action& action) {
    const auto* const way = std::get_if<SetTunnel>(&action);
    return way != nullptr && (fastdp::source_of(way->tunnel.id) == short_id ||
                              fastdp::destination_of(way->tunnel.id) == short_id);
  };
  std::vector<FlowChange> deletions;
  for (const auto& [key, entry] : flows_) {
    if (std::ranges::any_of(entry.actions, names)) {
      deletions.push_back({key, std::nullopt});
    }
  }
  apply(deletions);
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
      entry.was_used = true;
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
