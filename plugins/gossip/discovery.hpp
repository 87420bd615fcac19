#pragma once
/// Where the peer table says that peers are, read a part at a time: neighbours choose how much
/// there is to read. Pure. Source: weaveworks/mesh connection_maker.go, addPeerTargets.

#include <cstddef>
#include <cstdint>
#include <optional>

#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>

#include "gossip/peers.hpp"

namespace weft::gossip {

/// Somebody's word that a peer is at an address.
struct AddressClaim {
  PeerName claimant{};  ///< who lists the connection
  PeerName about{};     ///< to whom
};

/// The address that a listed connection tells. The port that its remote dialled from is of no use:
/// `port` is tried instead. None when the text is no address.
[[nodiscard]] std::optional<net::Endpoint> claimed_address(const Topology::Connection& connection,
                                                           std::uint16_t port);

/// Whether the claimant still says so.
[[nodiscard]] bool stands(const Peers& peers, const AddressClaim& claim,
                          const net::Endpoint& address, std::uint16_t port);

/// Goes through the connections that other peers list, again and again, and remembers where it was.
class Discovery {
 public:
  /// Connections looked at in one go: about 2 ms of work in an unoptimised build.
  static constexpr std::size_t slice = 4096;

  /// There may be something new: look at everything once more.
  void restart() noexcept { is_stale_ = true; }
  /// Calls `visit(claimant, connection)` for the next slice. Answers whether everything was looked
  /// at since the table changed last.
  template <class Visit>
  bool scan(const Peers& peers, Visit visit);

 private:
  PeerName next_{};        // whose connections come next
  std::size_t index_ = 0;  // and from which on
  std::size_t left_ = 0;   // steps until everything was looked at
  std::uint64_t changes_ = 0;
  bool is_stale_ = true;
};

/// A peer without connections takes a step as well.
template <class Visit>
bool Discovery::scan(const Peers& peers, Visit visit) {
  const std::size_t all = peers.connections() + peers.size();
  if (is_stale_ || changes_ != peers.changes()) {
    is_stale_ = false;
    changes_ = peers.changes();
    left_ = all;
  }
  for (std::size_t steps = 0; steps < slice && left_ != 0; ++steps, --left_) {
    const Topology::Peer& peer = peers.from(next_);
    if (peer.name != next_) {
      next_ = peer.name;
      index_ = 0;
    }
    if (peer.name != peers.self().name && index_ < peer.connections.size()) {
      visit(peer.name, peer.connections[index_++]);
    } else {
      next_ = PeerName{static_cast<std::uint64_t>(peer.name) + 1};
      index_ = 0;
    }
  }
  return left_ == 0;
}

}  // namespace weft::gossip
