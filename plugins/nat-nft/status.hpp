#pragma once
/// The answer of the control command `nat.status`.

#include <string>
#include <vector>

#include <weft/control.hpp>

#include "drops.hpp"
#include "nat_table.hpp"
#include "passages.hpp"

namespace weft::nat {

/// A JSON object. `dropped`: by other programs' packet filters; `losses`: as it was measured.
[[nodiscard]] std::string to_json(const Status& status, const std::vector<Finding>& dropped,
                                  const std::vector<Loss>& losses);

[[nodiscard]] CommandInfo status_command();

}  // namespace weft::nat
