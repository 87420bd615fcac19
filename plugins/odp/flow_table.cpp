/// Installs, replaces and deletes flows so that the kernel does what the plan says.

#include "flow_table.hpp"

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

void FlowTable::missed(const FlowKey& key, TimePoint now) {
  if (flows_.contains(key)) {
    return;  // frames that were on their way before the rule was there
  }
  Verdict verdict = plan_(key);
  if (verdict.certainty != Certainty::settled || !verdict.actions) {
    return;
  }
  if (flows_.size() >= max_flows) {
    ++counts_.refused;
    return;
  }
  install(key, std::move(verdict), now);
}

void FlowTable::install(const FlowKey& key, Verdict verdict, TimePoint now) {
  if (!sink_.put(key, *verdict.actions)) {
    ++counts_.refused;
    return;
  }
  ++counts_.installed;
  counts_.hairpins += verdict.is_hairpin ? 1 : 0;
  flows_[key] = Entry{
      .actions = *std::move(verdict.actions), .last_used = now, .is_hairpin = verdict.is_hairpin};
}

bool FlowTable::update(const FlowKey& key, Entry& entry, TimePoint now) {
  const Verdict verdict = plan_(key);
  if (verdict.certainty == Certainty::unknown) {
    entry.doubtful_since = entry.doubtful_since.value_or(now);
    return now - *entry.doubtful_since < grace;
  }
  entry.doubtful_since.reset();
  if (verdict.certainty == Certainty::refuted || !verdict.actions) {
    return false;
  }
  const bool was_hairpin = std::exchange(entry.is_hairpin, verdict.is_hairpin);
  counts_.hairpins += verdict.is_hairpin && !was_hairpin ? 1 : 0;
  if (*verdict.actions == entry.actions) {
    return true;
  }
  if (!sink_.put(key, *verdict.actions)) {
    ++counts_.refused;
    return false;
  }
  ++counts_.replaced;
  entry.actions = *verdict.actions;
  return true;
}

FlowTable::Flows::iterator FlowTable::remove(Flows::iterator at) {
  if (sink_.erase(at->first)) {
    ++counts_.deleted;
  } else {
    ++counts_.refused;  // the next sweep finds it again
  }
  return flows_.erase(at);
}

void FlowTable::replan(TimePoint now) {
  for (auto at = flows_.begin(); at != flows_.end();) {
    at = update(at->first, at->second, now) ? std::next(at) : remove(at);
  }
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
  for (auto at = flows_.begin(); at != flows_.end();) {
    if (!present.contains(at->first)) {
      at = flows_.erase(at);
    } else if (now - at->second.last_used >= max_idle && !is_permanent(at->first)) {
      at = remove(at);
    } else {
      ++at;
    }
  }
  return used;
}

}  // namespace weft::odp
