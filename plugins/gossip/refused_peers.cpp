/// Refusals by address, with their beginning and end.

#include "gossip/refused_peers.hpp"

#include <algorithm>

namespace weft::gossip {

bool RefusedPeers::refused(const net::IpAddress& address, DropReason reason, const Error& error,
                           TimePoint now) {
  const auto [at, is_new] = entries_.try_emplace(address, Entry{reason, error, now, now});
  Entry& entry = at->second;
  const bool is_news = is_new || entry.reason != reason;
  entry.reason = reason;
  entry.error = error;
  entry.last = now;
  if (entries_.size() > max_entries) {
    entries_.erase(
        std::ranges::min_element(entries_, {}, [](const auto& item) { return item.second.last; }));
  }
  return is_news;
}

std::optional<Duration> RefusedPeers::connected(const net::IpAddress& address, TimePoint since) {
  const auto at = entries_.find(address);
  if (at == entries_.end() || since <= at->second.last) {
    return std::nullopt;
  }
  const Duration lasted = since - at->second.since;
  entries_.erase(at);
  return lasted;
}

void RefusedPeers::prune(TimePoint now) {
  std::erase_if(entries_,
                [now](const auto& item) { return now - item.second.last >= forgotten_after; });
}

const RefusedPeers::Entry* RefusedPeers::find(const net::IpAddress& address) const {
  const auto at = entries_.find(address);
  return at == entries_.end() ? nullptr : &at->second;
}

}  // namespace weft::gossip
