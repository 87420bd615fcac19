#pragma once
/// Finds out what is around the pods.

#include <string>
#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "traffic.hpp"

namespace weft::nat {

/// In the network namespace of the calling thread, which is that of `route` (NETLINK_ROUTE).
/// Errors: the kernel's.
[[nodiscard]] Result<Scene> read_scene(nl::Socket& route, std::string bridge,
                                       std::vector<net::Cidr> networks);

}  // namespace weft::nat
