#pragma once
/// The MAC addresses that a node knows, for reports.

#include <functional>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/loop.hpp>

#include "fabric/mac_table.hpp"

namespace weft::dataplane {

/// MAC addresses and their peers, with the report's field names. `now` is when `macs` was read.
[[nodiscard]] WEFT_EXPORT std::string macs_json(
    const std::vector<MacEntry>& macs, WallTime now,
    const std::function<std::string(PeerName)>& nickname_of);

}  // namespace weft::dataplane
