#pragma once
/// Who lost which ranges lately and may not know or not agree. A ring carries no proof of who
/// changed it, so who gains such a range has to hear of all of them first.

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <weft/loop.hpp>
#include <weft/net/peer_name.hpp>

#include "address_range.hpp"

namespace weft::ipam {

/// What a ring is worth as the word of the peer that tells it.
enum class Word : std::uint8_t {
  hint,     ///< anybody can have written it: it counts as an objection, not as consent
  relayed,  ///< a unicast in the peer's name, which others passed on
  own       ///< a unicast over the peer's own connection
};

/// A change of owner may be disputed for so long after the last objection.
inline constexpr Duration disputed_for = std::chrono::seconds{60};
/// Who disagrees hears of a change and outbids it within a second or two, or is asked every 5 s.
/// So long without an objection is believed of a peer that this node cannot hear first hand.
inline constexpr Duration quarantine = std::chrono::seconds{10};

/// The losses of the last minute. A value; pure.
class Disputes {
 public:
  /// Beyond so many, those of one peer become one range.
  static constexpr std::size_t most = 1'024;

  /// `range` went from one peer to another, as somebody says. Whom it comes back to lost nothing;
  /// when that is the first who lost it, the dispute is over.
  void moved(AddressRange range, PeerName from, PeerName to, TimePoint now);
  /// `range` went to `to` from this node, which disputes nothing. Answers whether that ends a
  /// dispute.
  bool returned(AddressRange range, PeerName to);
  /// `peer` told its ring, in which it owns `claimed`.
  void told(PeerName peer, const AddressSet& claimed, Word word, TimePoint now);
  /// Forgets what nobody objected to for a while.
  void expire(TimePoint now);

  [[nodiscard]] bool involves(PeerName peer) const noexcept;
  /// Who lost a part of `range`, each once, the first to lose it first.
  [[nodiscard]] std::vector<PeerName> claimants(AddressRange range) const;

 private:
  struct Loss {
    AddressRange range;
    PeerName from{};
    TimePoint last{};
  };
  void settle(AddressRange range, std::optional<PeerName> of = {});
  void coarsen();

  std::vector<Loss> losses_;  // in the order in which they began
};

}  // namespace weft::ipam
