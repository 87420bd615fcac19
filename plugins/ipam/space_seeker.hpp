#pragma once
/// Asks other peers for space, and remembers what was asked.

#include <vector>

#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "ring.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

/// Sends the requests of this node. Answers come as grants in a ring, or as denials.
class SpaceSeeker {
 public:
  SpaceSeeker(Surroundings& surroundings, const Ring& ring)
      : surroundings_(surroundings), ring_(ring) {}

  /// Asks the peers with free space there, one after the other until one can be reached. Once for
  /// each range until `forget_round`: each request takes half of the donor's space.
  void ask(AddressRange wanted);
  void forget_round() noexcept { this_round_.clear(); }
  /// Asks the owner of one address for it. `unreachable` is called when it cannot be asked.
  void ask_owner(Address wanted, PeerName owner, Answer<> unreachable);

  /// Whether the range may be what this node asked the peer for lately: nobody gets more than it
  /// wanted.
  [[nodiscard]] bool is_asked(PeerName peer, AddressRange range) const;
  /// One of the requests was answered, by a grant of `range`.
  void answered(PeerName peer, AddressRange range);

 private:
  struct Asked {
    PeerName peer{};
    AddressRange wanted;
    TimePoint last{};
  };
  void ask_one_of(std::vector<PeerName> candidates, AddressRange wanted);
  void note(PeerName peer, AddressRange wanted);

  Surroundings& surroundings_;
  const Ring& ring_;
  std::vector<AddressRange> this_round_;
  std::vector<Asked> asked_;  // a moment ago; each request once
};

}  // namespace weft::ipam
