#pragma once
/// How this node comes to a ring while it has none: it votes on one, or waits for somebody's.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/function.hpp>
#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "paxos.hpp"
#include "ring.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

/// How far the first division of the range is.
struct VoteStatus {
  bool is_elector = false;
  std::size_t known_nodes = 0;
  std::size_t quorum = 0;
};

class FirstRing {
 public:
  /// `agreed` is called with the peers among whom the range is to be divided.
  FirstRing(Surroundings& surroundings, const Settings& settings, const Ring& ring,
            std::function<void(std::vector<PeerName>)> agreed);

  /// Begins to seek agreement, unless there is a ring or one is searched for. An observer asks for
  /// a ring instead.
  void establish();
  /// The node had a ring and lost it: waits for a peer that knows it, and calls `in_vain` when none
  /// told it in time. To divide the range again would give out what other peers have.
  void search(Task in_vain);
  /// Says again what may have been lost. False when nothing is under way.
  bool retry();
  void hear(const PaxosState& received);
  /// There is a ring, which answers every later vote.
  void end();
  void stop() noexcept { search_.cancel(); }

  [[nodiscard]] bool is_under_way() const noexcept { return is_voting_ || is_searching_; }
  [[nodiscard]] bool is_searching() const noexcept { return is_searching_; }
  /// False for observers, and once there is a ring.
  [[nodiscard]] bool is_elector() const noexcept { return elector_.has_value(); }
  /// Null unless this node is an elector.
  [[nodiscard]] const PaxosState* votes() const noexcept {
    return elector_ ? &elector_->known() : nullptr;
  }
  /// Empty unless agreement is awaited.
  [[nodiscard]] std::optional<VoteStatus> vote() const;
  /// Why there is none yet, for people.
  [[nodiscard]] std::string why_none() const;

 private:
  void propose();
  void decide();

  Surroundings& surroundings_;
  const Settings& settings_;
  const Ring& ring_;
  const std::function<void(std::vector<PeerName>)> agreed_;
  std::optional<Elector> elector_;
  bool is_voting_ = false;
  bool is_searching_ = false;
  Timer search_;
  Task in_vain_;  // when the search ends
};

}  // namespace weft::ipam
