#pragma once
/// Decides whom to dial and when: direct peers, peers discovered through others, back-off.
/// Pure: the time and the peer table are given, the dialling is done by the caller.
/// Source: weaveworks/mesh connection_maker.go.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "gossip/direct_peer.hpp"
#include "gossip/discovery.hpp"
#include "gossip/peers.hpp"

namespace weft::gossip {

/// Dials direct peers first, then addresses where a peer answered before, then those that
/// neighbours claim, in turns, then what others claim. Whoever makes up addresses uses up its own
/// turns.
class ConnectionMaker {
 public:
  /// Attempts under way at once to addresses that others told, each with its file descriptor; and
  /// those by the word of one neighbour, or of all peers that are no neighbours together.
  static constexpr std::size_t max_attempts = 64;
  static constexpr std::size_t max_attempts_each = 16;
  /// Addresses remembered by the word of one neighbour, or of all that are none. Beyond, one that
  /// failed gives way.
  static constexpr std::size_t max_targets_each = 256;
  /// When there is more to look through, it goes on after this time.
  static constexpr Duration scan_pause = std::chrono::milliseconds{20};

  struct Settings {
    std::uint16_t port = 6783;  ///< ours, assumed for peers given or met without one
    bool discovery = true;
  };

  enum class State : std::uint8_t { waiting, attempting, connected, suspended };

  /// An address where a peer may be.
  struct Target {
    State state = State::waiting;
    std::optional<TimePoint> try_after;  ///< none: never again
    Duration interval{};                 ///< before the try after the next
    std::optional<Error> last_error;
    PeerName remote{};                    ///< who answered there last; unknown until somebody did
    std::optional<AddressClaim> claim{};  ///< of a discovered one
    bool is_ourselves = false;            ///< this node answered there
  };

  struct Dial {
    net::Endpoint address;
    bool is_direct = false;  ///< its name may be new to us
  };
  struct Plan {
    std::vector<Dial> dial;          ///< now; these targets are being attempted from here on
    std::optional<TimePoint> again;  ///< when to plan again even if nothing happens
  };

  /// A live connection, as far as dialling is concerned.
  struct Live {
    PeerName remote{};
    net::Endpoint address;
    bool outbound = false;
  };
  using ConnectionId = std::uint64_t;

  /// How a connection ended.
  enum class Ending : std::uint8_t {
    failure,      ///< try again, later each time
    ourselves,    ///< our own address: trying again cannot help
    wrong_place,  ///< a peer with our name: neither can it
  };

  explicit ConnectionMaker(Settings settings) : settings_(settings) {}

  /// `replace` forgets the earlier ones first.
  void add_direct(std::vector<DirectPeer> peers, bool replace, TimePoint now);
  /// Those that were not among them.
  [[nodiscard]] std::vector<std::string> forget_direct(const std::vector<std::string>& texts);
  /// Ends every back-off: what made dialling fail may have changed.
  void retry_all(TimePoint now);
  [[nodiscard]] const std::map<std::string, DirectPeer>& direct_peers() const noexcept {
    return direct_;
  }
  /// `host`, the name of direct peers, was looked up.
  void set_addresses(const std::string& host, const std::vector<net::IpAddress>& addresses);

  /// Whom to dial. Call after each of the other methods, on topology news, and at `again`.
  /// `draw` gives a uniformly random real in [0, 1) elsewhere; none is needed here.
  [[nodiscard]] Plan plan(const Peers& peers, TimePoint now);

  /// Whether a connection to this address is still of use. It is not when its peer was met some
  /// other way while we dialled: it could only replace a good connection.
  [[nodiscard]] bool is_wanted(const net::Endpoint& address) const;

  /// The peer behind an address we dialled said its name.
  void identified(const net::Endpoint& address, PeerName remote);
  void created(ConnectionId id, Live connection);
  /// A dialled address did not answer, or a connection ended, created or not. `address` and
  /// `outbound` as in Live. `jitter` is a random number in [0, 1).
  struct Ended {
    ConnectionId id = 0;
    net::Endpoint address;
    bool outbound = false;
    Ending ending = Ending::failure;
    Error error;
  };
  void ended(const Ended& connection, TimePoint now, double jitter);

  [[nodiscard]] const std::map<net::Endpoint, Target>& targets() const noexcept { return targets_; }
  /// Where a direct peer may be.
  [[nodiscard]] std::vector<net::Endpoint> endpoints(const DirectPeer& peer) const;
  /// Peers that the direct ones are, as far as they are known and still tried.
  [[nodiscard]] std::size_t active_direct_peers() const;

 private:
  /// What the live connections amount to.
  struct Connected {
    std::set<PeerName> names;
    std::set<net::Endpoint> addresses;
    std::set<net::IpAddress> inbound;
  };
  struct Wanted {
    std::set<net::Endpoint> all;
    std::set<net::Endpoint> direct;
  };
  using Targets = std::map<net::Endpoint, Target>;
  /// By the claimant, or unknown_peer for all that are no neighbours.
  using Counts = std::map<PeerName, std::size_t>;

  [[nodiscard]] Connected connected() const;
  [[nodiscard]] static PeerName group(const Target& target, const Connected& connected);
  [[nodiscard]] bool is_connected(const net::Endpoint& address, bool any_port,
                                  const Connected& connected) const;
  void want_direct(const Connected& connected, Wanted& wanted) const;
  /// Answers whether everything was looked through.
  [[nodiscard]] bool want_discovered(const Peers& peers, const Connected& connected,
                                     Wanted& wanted);
  [[nodiscard]] bool make_room(PeerName group, const Connected& connected);
  void choose(std::vector<Targets::iterator> due, const Connected& connected, Plan& plan);

  Settings settings_;
  std::map<std::string, DirectPeer> direct_;  // by text
  Targets targets_;
  Discovery discovery_;
  std::map<ConnectionId, Live> live_;
};

}  // namespace weft::gossip
