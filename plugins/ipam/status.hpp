#pragma once
/// The JSON of the control commands `ipam.*`.

#include <cstdint>
#include <string>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "allocator.hpp"

namespace weft::ipam {

/// Tells whether the mesh has heard of a peer.
using IsKnown = UniqueFunction<bool(PeerName)>;

/// The IPAM object of Weave Net's report: same names, same order, `null` for lists that are empty.
/// Source: weaveworks/weave ipam/status.go, Status.
[[nodiscard]] std::string report_json(const Allocator& allocator, const net::Cidr& default_subnet,
                                      IsKnown is_known);

/// The same and what else there is to say. `warnings` are added to it.
[[nodiscard]] std::string status_json(const Allocator& allocator, const net::Cidr& default_subnet,
                                      const std::vector<std::string>& warnings, IsKnown is_known);

/// The same for people, as lists of lines: how allocation stands, and who owns how much.
[[nodiscard]] std::string summary_page(const Allocator& allocator, const net::Cidr& default_subnet,
                                       const std::vector<std::string>& warnings, IsKnown is_known);
[[nodiscard]] std::string shares_page(const Allocator& allocator, const net::Cidr& default_subnet,
                                      PeerName self, IsKnown is_known);

/// {"owned":[{"containerid":...,"addrs":[...]}]}. Source: weaveworks/weave ipam/http.go, GET /ip.
[[nodiscard]] std::string list_json(const Holdings& holdings);

/// {"addresses":["10.32.0.1/12"]}.
[[nodiscard]] std::string addresses_json(const std::vector<net::Cidr>& addresses);

/// {"peer":"aa:bb:cc:dd:ee:ff","addresses":1024}.
[[nodiscard]] std::string take_over_json(PeerName peer, std::uint64_t addresses);

}  // namespace weft::ipam
