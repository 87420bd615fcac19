#pragma once
/// The layer-2 switch as a part of a node.

#include <weft/export.hpp>

#include "runtime/host/built_in.hpp"

namespace weft::fabric {

/// Provides weft.dataplane/1, weft.flows/1 and weft.overlay-switch/1, and serves "dataplane.macs"
/// and what it adds to the report.
[[nodiscard]] WEFT_EXPORT host::BuiltInPart built_in();

}  // namespace weft::fabric
