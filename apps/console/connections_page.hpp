#pragma once
/// The page of a node's own connections, as `weft status connections` and `weft lab status` show
/// it.

#include <string>
#include <string_view>

#include <weft/result.hpp>

#include "json.hpp"

namespace weft::console {

/// "->" for a connection that this node dialled, else "<-".
[[nodiscard]] const char* arrow(const Json& connection);

/// `connections` is what mesh.connections answers. Errors: Errc::malformed.
[[nodiscard]] Result<std::string> render_connections(std::string_view connections);

}  // namespace weft::console
