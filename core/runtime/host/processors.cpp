/// Reads the limits of control groups. Sources: Linux Documentation/admin-guide/cgroup-v2.rst,
/// "cpu.max"; Documentation/scheduler/sched-bwc.rst; proc(5), mountinfo.

#include "runtime/host/processors.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace weft::host {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<double> read_number(const fs::path& path) {
  std::istringstream text(read_file(path));
  double number = 0;
  return text >> number ? std::optional(number) : std::nullopt;
}

bool has_word(const std::string& list, std::string_view word) {
  std::istringstream words(list);
  for (std::string each; std::getline(words, each, ',');) {
    if (each == word) {
      return true;
    }
  }
  return false;
}

/// Where a hierarchy that limits processors is mounted, and which of its groups is seen there.
struct Mount {
  std::string group;
  fs::path at;
  bool is_v2 = false;
};

std::vector<Mount> read_mounts(const std::string& root) {
  std::vector<Mount> mounts;
  std::istringstream lines(read_file(root + "/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string skipped;
    Mount mount;
    std::string at;
    fields >> skipped >> skipped >> skipped >> mount.group >> at;
    std::string type;
    std::string options;
    while (fields >> skipped && skipped != "-") {
    }
    fields >> type >> skipped >> options;
    mount.is_v2 = type == "cgroup2";
    if (mount.is_v2 || (type == "cgroup" && has_word(options, "cpu"))) {
      mount.at = root + at;
      mounts.push_back(std::move(mount));
    }
  }
  return mounts;
}

/// The group of this process in the hierarchy of version 2, or in that of controller "cpu".
std::string own_group(const std::string& root, bool is_v2) {
  std::istringstream lines(read_file(root + "/proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (is_v2 ? controllers.empty() : has_word(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return "/";
}

std::optional<double> limit_of(const fs::path& group, bool is_v2) {
  if (is_v2) {
    return parse_cpu_max(read_file(group / "cpu.max"));
  }
  const auto quota = read_number(group / "cpu.cfs_quota_us");
  const auto period = read_number(group / "cpu.cfs_period_us");
  return quota && period && *quota > 0 && *period > 0 ? std::optional(*quota / *period)
                                                      : std::nullopt;
}

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  std::istringstream fields{std::string(text)};
  double quota = 0;
  double period = 0;
  return fields >> quota >> period && quota > 0 && period > 0 ? std::optional(quota / period)
                                                              : std::nullopt;
}

std::optional<double> cgroup_processors(const std::string& root) {
  std::optional<double> least;
  for (const Mount& mount : read_mounts(root)) {
    std::string group = own_group(root, mount.is_v2);
    if (mount.group != "/" && group.starts_with(mount.group)) {
      group.erase(0, mount.group.size());  // a container sees its own group as the mount's root
    }
    fs::path path = mount.at / fs::path(group).relative_path();
    for (;; path = path.parent_path()) {
      if (const auto limit = limit_of(path, mount.is_v2)) {
        least = std::min(least.value_or(*limit), *limit);
      }
      if (path == mount.at || path.native().size() <= mount.at.native().size()) {
        break;
      }
    }
  }
  return least;
}

unsigned usable_processors(unsigned allowed, std::optional<double> limit) {
  const unsigned processors = std::max(allowed, 1U);
  if (!limit || *limit >= processors) {
    return processors;
  }
  return std::max(static_cast<unsigned>(std::ceil(*limit)), 1U);
}

}  // namespace weft::host
