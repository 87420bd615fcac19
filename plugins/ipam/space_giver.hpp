#pragma once
/// Gives space of this node to peers that ask for it.

#include <cstddef>
#include <functional>
#include <map>
#include <utility>

#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "budgets.hpp"
#include "disk.hpp"
#include "rejections.hpp"
#include "ring.hpp"
#include "space.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

/// Lost messages are sent again this often. Source: weaveworks/weave ipam/allocator.go,
/// tickInterval.
inline constexpr Duration message_retry_interval = std::chrono::seconds{5};

class SpaceGiver {
 public:
  /// `send_ring` tells a peer what it got, or where else to ask; `settle` follows a change.
  SpaceGiver(Surroundings& surroundings, PeerName self, Ring& ring, Space& space, Disk& disk,
             Rejections& rejections, std::function<void(PeerName)> send_ring,
             std::function<void()> settle)
      : surroundings_(surroundings),
        self_(self),
        ring_(ring),
        space_(space),
        disk_(disk),
        rejections_(rejections),
        send_ring_(std::move(send_ring)),
        settle_(std::move(settle)) {}

  /// `peer` asks for space. Whoever gets no answer asks again.
  void requested(AddressRange wanted, PeerName peer);
  /// The ring changed: those who asked before there was one may be answered.
  void ring_changed();

 private:
  [[nodiscard]] bool may_have(AddressRange wanted, PeerName peer);
  void give(AddressRange wanted, PeerName peer);
  void answer_early();

  struct Early {
    AddressRange wanted;
    TimePoint asked{};
  };

  Surroundings& surroundings_;
  const PeerName self_;
  Ring& ring_;
  Space& space_;
  Disk& disk_;
  Rejections& rejections_;
  const std::function<void(PeerName)> send_ring_;
  const std::function<void()> settle_;
  PeerBudgets donations_{donations_per_peer};
  PeerBudgets singles_{singles_per_peer};
  Budget of_all_{donations_of_all};
  std::map<PeerName, Early> early_;  // the last request of each peer, until there is a ring
};

}  // namespace weft::ipam
