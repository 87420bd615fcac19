#pragma once
/// How much processor time this process may use.

#include <optional>
#include <string>
#include <string_view>

#include <weft/export.hpp>

namespace weft::host {

/// Processors' worth of time that a "cpu.max" of cgroup v2 allows; empty: no limit, or unreadable.
[[nodiscard]] WEFT_EXPORT std::optional<double> parse_cpu_max(std::string_view text);

/// The least that the process's control groups and those around them allow, in processors. Reads
/// /proc/self/cgroup and /proc/self/mountinfo below `root`, which is empty but in tests, and then
/// the groups' files, of version 2 (cpu.max) and 1 (cpu.cfs_quota_us). Empty: no limit.
[[nodiscard]] WEFT_EXPORT std::optional<double> cgroup_processors(const std::string& root = "");

/// Whole processors that it is worth to have threads for, at least one: those that the process may
/// run on, or fewer when `limit` says so.
[[nodiscard]] WEFT_EXPORT unsigned usable_processors(unsigned allowed, std::optional<double> limit);

}  // namespace weft::host
