#pragma once
/// The commands of the control socket as JSON.

#include <string>
#include <vector>

#include "runtime/control/registry.hpp"

namespace weft::control {

/// A list of objects, one for each command.
[[nodiscard]] std::string commands_json(const std::vector<CommandDescription>& commands);

}  // namespace weft::control
