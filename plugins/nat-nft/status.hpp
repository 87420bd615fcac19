#pragma once
/// The answer of the control command `nat.status`.

#include <string>

#include "nat_table.hpp"

namespace weft::nat {

/// A JSON object.
[[nodiscard]] std::string to_json(const Status& status);

}  // namespace weft::nat
