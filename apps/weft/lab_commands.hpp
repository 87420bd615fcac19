#pragma once
/// `weft lab ...`: each function prints its result or one line of error and returns the exit code.

#include <string>
#include <vector>

#include "lab_plan.hpp"

namespace weft::cli {

/// Which lab, and whether to show the commands it takes.
struct LabTarget {
  std::string name = "lab";
  bool verbose = false;
};

[[nodiscard]] int lab_up(const LabOptions& options);
[[nodiscard]] int lab_down(const LabTarget& target);
[[nodiscard]] int lab_status(const LabTarget& target);
[[nodiscard]] int lab_pod_add(const LabTarget& target, const std::string& pod,
                              const std::string& node);
[[nodiscard]] int lab_pod_delete(const LabTarget& target, const std::string& pod);
[[nodiscard]] int lab_pod_list(const LabTarget& target);
/// Replaces this process by the command.
[[nodiscard]] int lab_exec(const LabTarget& target, const std::string& place,
                           const std::vector<std::string>& command);
[[nodiscard]] int lab_cut(const LabTarget& target, const std::string& from, const std::string& to,
                          bool one_way);
[[nodiscard]] int lab_heal(const LabTarget& target);

}  // namespace weft::cli
