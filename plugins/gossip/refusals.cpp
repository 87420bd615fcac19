/// Counting and logging refusals.

#include "gossip/refusals.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace weft::gossip {

std::string_view to_string(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::damaged_unicast:
      return "damaged-unicast";
    case Refusal::topology_unicast:
      return "topology-unicast";
    case Refusal::in_our_name:
      return "in-our-name";
    case Refusal::in_neighbours_name:
      return "in-neighbours-name";
    case Refusal::channel_user:
      return "channel-user";
    case Refusal::invalid_entry:
      return "invalid-entry";
    case Refusal::table_full:
      return "table-full";
    case Refusal::beyond_ceiling:
      return "beyond-ceiling";
    case Refusal::not_first_hand:
      return "not-first-hand";
    case Refusal::not_nearest:
      return "not-nearest";
  }
  return "unknown";
}

Refusals::Refusals(Loop& loop, Log& log, Metrics& metrics) : loop_(loop), log_(log) {
  for (std::size_t i = 0; i < refusal_count; ++i) {
    counters_[i] = &metrics.counter(
        "weft_gossip_refused_total",
        "Messages and topology entries refused without ending a connection, by reason.",
        {{"reason", std::string(to_string(static_cast<Refusal>(i)))}});
  }
}

void Refusals::add(Refusal refusal, PeerName originator, PeerName relay, const Error& error,
                   std::uint64_t count) {
  this->count(refusal, count);
  const TimePoint now = loop_.now();
  next_line_ = std::max(next_line_, now);
  if (next_line_ - now > (log_burst - 1) * log_interval) {
    unlogged_ += count;
    return;
  }
  next_line_ += log_interval;
  log_.warn("refused from a peer", "reason", to_string(refusal), "originator", originator, "relay",
            relay, "detail", error, "not logged before", std::exchange(unlogged_, 0));
}

void Refusals::count(Refusal refusal, std::uint64_t count) {
  counters_[static_cast<std::size_t>(refusal)]->add(count);
}

std::uint64_t Refusals::total(Refusal refusal) const noexcept {
  return counters_[static_cast<std::size_t>(refusal)]->value();
}

}  // namespace weft::gossip
