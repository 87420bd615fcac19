#pragma once
/// What neighbours delivered and this node did not take, without blaming the neighbour: counted by
/// reason, and logged at a bounded rate with who wrote it and who delivered it.

#include <array>
#include <cstdint>
#include <string_view>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::gossip {

enum class Refusal : std::uint8_t {
  damaged_unicast,     ///< breaks the format behind the names that relays read
  topology_unicast,    ///< there is no such message
  in_our_name,         ///< claims that this node wrote it, and comes from another one
  in_neighbours_name,  ///< a unicast of a neighbour that came over another one's connection
  channel_user,        ///< the user of its channel refused the message
  invalid_entry,       ///< a topology entry with values out of bounds
  table_full,          ///< an entry, or a peer named in one, for which the peer table has no room
  beyond_ceiling,      ///< a topology entry with a version that nobody could outbid
  not_first_hand,      ///< a claim about a neighbour that says otherwise itself
  not_nearest,         ///< an uncounted version from a neighbour that is not next to the peer
};
inline constexpr std::size_t refusal_count = 10;

[[nodiscard]] std::string_view to_string(Refusal refusal) noexcept;

/// Used on the mesh's loop only.
class Refusals {
 public:
  /// Lines that may follow each other at once, and after which time there may be another one.
  static constexpr unsigned log_burst = 4;
  static constexpr Duration log_interval = std::chrono::seconds{10};

  Refusals(Loop& loop, Log& log, Metrics& metrics);

  /// `originator`: who claims to have written it, or unknown_peer; `relay`: who delivered it.
  void add(Refusal refusal, PeerName originator, PeerName relay, const Error& error,
           std::uint64_t count = 1);
  /// The same, without a line in the log: for what also happens in a mesh of good peers.
  void count(Refusal refusal, std::uint64_t count = 1);

  [[nodiscard]] std::uint64_t total(Refusal refusal) const noexcept;

 private:
  Loop& loop_;
  Log& log_;
  std::array<Counter*, refusal_count> counters_{};
  TimePoint next_line_{};  ///< when a whole burst of lines is allowed again
  std::uint64_t unlogged_ = 0;
};

}  // namespace weft::gossip
