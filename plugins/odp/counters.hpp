#pragma once
/// What the plugin counts. References to the host's counters.

#include <weft/metrics.hpp>

namespace weft::odp {

struct Counters {
  explicit Counters(Metrics& metrics);

  Counter& misses;
  Counter& heartbeats;
  Counter& stray_heartbeats;
  Counter& forgotten_reports;
  Counter& overruns;
  Counter& events_lost;
  Counter& executed;
  Counter& execute_errors;
  Counter& unknown_tunnel;
  Counter& strangers;
  Counter& no_short_id;
  Counter& hairpin_conflicts;
  Counter& displaced;
  Counter& restored;
  Counter& too_big;
  Counter& no_buffer;
};

}  // namespace weft::odp
