#pragma once
/// `weft lab ...`: each function prints its result or one line of error and returns the exit code.

#include <string>
#include <vector>

#include "plan.hpp"

namespace weft::lab {

/// Which lab, and whether to show the commands it takes.
struct LabTarget {
  std::string name = "lab";
  bool verbose = false;
};

[[nodiscard]] int up(const LabOptions& options);
[[nodiscard]] int down(const LabTarget& target);
[[nodiscard]] int show_status(const LabTarget& target);
[[nodiscard]] int add_pod(const LabTarget& target, const std::string& pod, const std::string& node);
[[nodiscard]] int delete_pod(const LabTarget& target, const std::string& pod);
[[nodiscard]] int list_pods(const LabTarget& target);
/// Replaces this process by the command.
[[nodiscard]] int execute(const LabTarget& target, const std::string& place,
                          const std::vector<std::string>& command);
[[nodiscard]] int cut(const LabTarget& target, const std::string& from, const std::string& to,
                      bool one_way);
[[nodiscard]] int heal(const LabTarget& target);

}  // namespace weft::lab
