#pragma once
/// Who is to hear of this node's ring, or to be asked for its own, because the two differ.

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "disk.hpp"
#include "ring.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

/// Sends what contradicts other peers, once a second at most and to a few at a time.
class News {
 public:
  struct Hooks {
    std::function<void(PeerName)> send_ring;
    std::function<bool(PeerName)> is_awaited;  ///< whether a fence waits for the peer's word
  };

  News(Surroundings& surroundings, PeerName self, const Ring& ring, Disk& disk, Hooks hooks)
      : surroundings_(surroundings),
        self_(self),
        ring_(ring),
        disk_(disk),
        hooks_(std::move(hooks)) {}

  /// The peer should know what is said of its ranges.
  void tell(PeerName peer);
  /// Something of the peer's ring was left out.
  void ask(PeerName peer);
  /// This node outbid others: everybody should know.
  void outbid() noexcept { is_outbid_untold_ = true; }

  /// Sends what is due, and the rest later.
  void spread();
  void stop() noexcept { later_.cancel(); }

 private:
  void broadcast_outbid();
  void send_question(PeerName peer);
  [[nodiscard]] bool is_ahead_of_clocks() const;

  Surroundings& surroundings_;
  const PeerName self_;
  const Ring& ring_;
  Disk& disk_;
  const Hooks hooks_;
  std::set<PeerName> to_tell_;
  std::set<PeerName> to_ask_;
  bool is_outbid_untold_ = false;
  std::optional<TimePoint> last_;
  bool is_armed_ = false;
  Timer later_;
};

}  // namespace weft::ipam
