#pragma once
/// Notices what lanes must not do. The program's own malloc, pthread_mutex_lock, poll and others
/// stand before those of the C library, for every library in the process.

#include <string>
#include <vector>

namespace weft::conformance {

/// Whether this build can watch: builds with sanitizers have interceptors of their own.
[[nodiscard]] bool can_watch_lanes() noexcept;

/// From now on, records what tasks on lanes do against the rules. One watch for the process.
void begin_lane_watch();

/// One line for each different place: "malloc in weft::x() < weft::y() < ...". Ends the watch.
[[nodiscard]] std::vector<std::string> end_lane_watch();

}  // namespace weft::conformance
