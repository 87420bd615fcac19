#pragma once
/// Where peers had their names before, so that a copy of one cannot keep its place once it is back.
/// From what this node saw itself, not from what anybody claims. Pure.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::gossip {

class Homes {
 public:
  static constexpr std::size_t max_entries = 1024;
  /// A machine that was away for longer has been replaced.
  static constexpr Duration forgotten_after = std::chrono::hours{24};
  /// For whom a name is kept, it is kept so long: that peer tries again sooner. So it is for all of
  /// them after a restart of this node.
  static constexpr Duration kept_for = std::chrono::minutes{1};

  /// A copy that was refused for so long while the first was there waits for the first's end. The
  /// name is kept so long after a refusal: the first may only restart. Longer than a copy waits
  /// before it tries again.
  static constexpr Duration contested_after = std::chrono::minutes{1};
  static constexpr Duration kept_from_copies = std::chrono::minutes{10};

  /// Who came first, but for less than a minute, has the name for so long after it was seen.
  static constexpr Duration glimpsed_for = std::chrono::minutes{1};

  struct Home {
    net::IpAddress address;
    std::string nickname;
    TimePoint last;           ///< that the peer was seen there
    TimePoint kept_until;     ///< nobody elsewhere gets the name before
    bool is_settled = false;  ///< no connection with who is only glimpsed has lasted yet
    std::optional<TimePoint> contested_since = {};  ///< that a copy was refused, now and then
    TimePoint contested_last = {};
  };

  /// A connection with `name` at `address` came to be.
  void meet(PeerName name, const net::IpAddress& address, std::string nickname, TimePoint now);
  /// A connection with `name` at `address` has lasted. Who comes second to a name has no home.
  void settle(PeerName name, const net::IpAddress& address, std::string nickname, TimePoint now);
  /// Such a connection ended.
  void left(PeerName name, const net::IpAddress& address, TimePoint now);
  /// Whether `name` was at `newcomer` before it was at `holder`. Then it is kept for it.
  bool claim_back(PeerName name, const net::IpAddress& newcomer, const net::IpAddress& holder,
                  TimePoint now);
  /// Somebody at `newcomer` was refused `name`, because its holder at `holder` is there.
  void contest(PeerName name, const net::IpAddress& newcomer, const net::IpAddress& holder,
               TimePoint now);
  /// For whom `name` is kept when somebody at `address` comes with it; null: for nobody.
  [[nodiscard]] const Home* kept_from(PeerName name, const net::IpAddress& address,
                                      TimePoint now) const;

  /// What should survive a restart: a line for each home.
  [[nodiscard]] std::string save(TimePoint now, WallTime wall_now) const;
  /// Adds what an earlier run saved. Passes over what it cannot read, and over what is forgotten.
  void load(std::string_view saved, TimePoint now, WallTime wall_now);

 private:
  [[nodiscard]] static bool is_forgotten(const Home& home, TimePoint now) noexcept {
    return now - home.last >= (home.is_settled ? forgotten_after : glimpsed_for);
  }
  [[nodiscard]] bool make_room(TimePoint now);

  std::map<PeerName, Home> homes_;
};

}  // namespace weft::gossip
