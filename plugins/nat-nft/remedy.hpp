#pragma once
/// What lets pods' traffic through another program's packet filter.

#include <string>

#include "drops.hpp"

namespace weft::nat {

/// What to run or to add where. `scene`: as for find_drops.
[[nodiscard]] std::string remedy(const Finding& finding, const Scene& scene);

/// A wrong finding in the table that firewalld makes.
[[nodiscard]] bool is_of_firewalld(const Finding& finding);

}  // namespace weft::nat
