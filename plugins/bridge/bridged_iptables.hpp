#pragma once
/// Whether iptables sees what pods of one node send each other.

#include <optional>

#include "common/doctor/check.hpp"

namespace weft::bridge {

/// Something to say where somebody switched it off; nothing where the kernel has no such setting.
[[nodiscard]] std::optional<doctor::Check> check_bridged_iptables();

}  // namespace weft::bridge
