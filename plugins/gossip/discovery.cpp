/// Claims about addresses.

#include "gossip/discovery.hpp"

#include <algorithm>

namespace weft::gossip {

std::optional<net::Endpoint> claimed_address(const Topology::Connection& connection,
                                             std::uint16_t port) {
  auto address = net::parse_endpoint(connection.address);
  if (!address) {
    return std::nullopt;
  }
  if (!connection.outbound) {
    address->port = port;
  }
  return address->port != 0 ? std::optional(*address) : std::nullopt;
}

bool stands(const Peers& peers, const AddressClaim& claim, const net::Endpoint& address,
            std::uint16_t port) {
  const Topology::Peer* const claimant = peers.find(claim.claimant);
  if (claimant == nullptr) {
    return false;
  }
  const auto at = std::lower_bound(
      claimant->connections.begin(), claimant->connections.end(), claim.about,
      [](const auto& connection, PeerName remote) { return connection.remote < remote; });
  return at != claimant->connections.end() && at->remote == claim.about &&
         claimed_address(*at, port) == address;
}

}  // namespace weft::gossip
