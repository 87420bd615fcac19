#pragma once
/// Decides whom to dial and when: direct peers, peers discovered through others, back-off.
/// Pure: the time and the peer table are given, the dialling is done by the caller.
/// Source: weaveworks/mesh connection_maker.go.

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

#include "gossip/peers.hpp"

namespace weft::gossip {

/// A peer the operator named.
struct DirectPeer {
  std::string text;  ///< as given; what `forget` must repeat
  std::string host;
  std::uint16_t port = 0;                 ///< 0: not given, our own is meant
  std::optional<net::IpAddress> address;  ///< once resolved
};

/// "host", "host:port", "[v6]:port" or a bare IPv6 address; literal addresses are resolved already.
/// Errors: Errc::invalid.
[[nodiscard]] Result<DirectPeer> parse_direct_peer(std::string_view text);

class ConnectionMaker {
 public:
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
    PeerName remote{};  ///< who answered there last; unknown until somebody did
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
    wrong_place,  ///< our own address, or a peer with our name: trying again cannot help
  };

  explicit ConnectionMaker(Settings settings) : settings_(settings) {}

  /// `replace` forgets the earlier ones first.
  void add_direct(std::vector<DirectPeer> peers, bool replace, TimePoint now);
  void forget_direct(const std::vector<std::string>& texts);
  /// Ends every back-off: what made dialling fail may have changed.
  void retry_all(TimePoint now);
  [[nodiscard]] const std::map<std::string, DirectPeer>& direct_peers() const noexcept {
    return direct_;
  }
  /// The name of a direct peer was looked up.
  void set_address(const std::string& text, net::IpAddress address);

  /// Whom to dial. Call after each of the other methods, on topology news, and at `again`.
  /// `draw` gives a uniformly random real in [0, 1) elsewhere; none is needed here.
  [[nodiscard]] Plan plan(const Peers& peers, TimePoint now);

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
  /// Direct peers that are still tried.
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

  [[nodiscard]] Connected connected() const;
  [[nodiscard]] std::optional<net::Endpoint> endpoint(const DirectPeer& peer) const;
  void want_direct(const Connected& connected, Wanted& wanted) const;
  void want_discovered(const Peers& peers, const Connected& connected, Wanted& wanted) const;

  Settings settings_;
  std::map<std::string, DirectPeer> direct_;  // by text
  std::map<net::Endpoint, Target> targets_;
  std::map<ConnectionId, Live> live_;
};

}  // namespace weft::gossip
