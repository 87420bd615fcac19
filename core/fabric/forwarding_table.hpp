#pragma once
/// Where frames for a peer go: routes joined with the forwarders of our neighbours.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/export.hpp>
#include <weft/service/overlay.hpp>

namespace weft::dataplane {

/// A neighbour and what carries frames to it: the best first, then what to try when it refuses.
struct Neighbour {
  PeerName name{};
  std::vector<std::shared_ptr<Forwarder>> forwarders;

  bool operator==(const Neighbour&) const = default;
};

/// Built by control code, then immutable: lanes look up in O(log n) and allocate nothing.
class WEFT_EXPORT ForwardingTable {
 public:
  ForwardingTable() = default;
  /// `neighbours` sorted by name. Routes to or over a neighbour without forwarders are left out.
  ForwardingTable(const Routes& routes, std::vector<Neighbour> neighbours);
  ForwardingTable(const ForwardingTable&) = delete;
  ForwardingTable& operator=(const ForwardingTable&) = delete;

  /// The neighbour to hand frames for `destination`; null when it cannot be reached.
  [[nodiscard]] const Neighbour* next_hop(PeerName destination) const noexcept;
  /// The neighbours to copy `origin`'s broadcasts to.
  [[nodiscard]] std::span<const Neighbour* const> broadcast_hops(PeerName origin) const noexcept;

 private:
  struct UnicastEntry {
    PeerName destination;
    const Neighbour* via;
  };
  struct BroadcastEntry {
    PeerName origin;
    std::uint32_t first;
    std::uint32_t count;
  };

  [[nodiscard]] const Neighbour* neighbour(PeerName name) const noexcept;

  std::vector<Neighbour> neighbours_;      // sorted by name; the entries below point into it
  std::vector<UnicastEntry> unicast_;      // sorted by destination
  std::vector<BroadcastEntry> broadcast_;  // sorted by origin
  std::vector<const Neighbour*> hops_;
};

/// How two routings differ, for people: what a change touched.
struct RouteChanges {
  std::size_t added = 0;
  std::size_t removed = 0;
  std::size_t changed = 0;

  bool operator==(const RouteChanges&) const = default;
};

/// Unicast and broadcast routes together.
[[nodiscard]] WEFT_EXPORT RouteChanges compare(const Routes& before, const Routes& after);

}  // namespace weft::dataplane
