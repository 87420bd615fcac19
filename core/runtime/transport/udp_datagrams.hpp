#pragma once
/// One UDP port as weft::Datagrams.

#include <memory>

#include <weft/export.hpp>
#include <weft/transport.hpp>

namespace weft {

/// As Transport::bind_datagrams. `loop` outlives the port.
[[nodiscard]] WEFT_EXPORT Result<std::unique_ptr<Datagrams>> bind_udp_datagrams(
    Loop& loop, const net::Endpoint& at, Datagrams::Callbacks callbacks);

}  // namespace weft
