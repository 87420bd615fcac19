#pragma once
/// Dialling: carries out what ConnectionMaker plans, and keeps the list of direct peers.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/net/ip.hpp>
#include <weft/transport.hpp>

#include "gossip/connection_maker.hpp"
#include "gossip/direct_peers.hpp"
#include "gossip/link.hpp"
#include "gossip/peers.hpp"

namespace weft::gossip {

/// What the dialler tells.
class DiallerEvents {
 public:
  /// Somebody answered at `dialled`, and is still wanted.
  virtual void on_dialled(const ConnectionMaker::Dial& dialled, std::unique_ptr<Stream> stream) = 0;
  /// Dials were planned: another number of direct peers may be active.
  virtual void on_planned() = 0;
  /// The list of direct peers as it should survive a restart.
  virtual void on_direct_peers(std::vector<std::string> peers) = 0;
  /// Where they are, as far as that is known: sorted, each once.
  virtual void on_direct_addresses(std::vector<net::IpAddress> addresses) = 0;

 protected:
  ~DiallerEvents() = default;
};

/// Used on the mesh's loop only.
class Dialler {
 public:
  static constexpr Duration dial_timeout = std::chrono::seconds{10};

  struct Environment {
    Loop& loop;
    Transport& transport;
    Log& log;
    Metrics& metrics;
    const Peers& peers;
    const Links& links;
    DiallerEvents& events;
  };

  /// At most `connection_limit` connections; 0: any number.
  Dialler(const Environment& environment, ConnectionMaker::Settings settings,
          std::uint32_t connection_limit);

  /// Something that dialling depends on changed: plans on the next turn, so that a burst of news is
  /// one plan.
  void plan_soon();

  /// Tell it what becomes of connections, then `plan_soon`.
  [[nodiscard]] ConnectionMaker& maker() noexcept { return maker_; }
  [[nodiscard]] const ConnectionMaker& maker() const noexcept { return maker_; }
  [[nodiscard]] DirectPeers& direct_peers() noexcept { return direct_peers_; }
  [[nodiscard]] const DirectPeers& direct_peers() const noexcept { return direct_peers_; }
  /// Whether a direct peer is at `address`.
  [[nodiscard]] bool is_direct(const net::IpAddress& address) const {
    return published_addresses_.contains(address);
  }
  /// Why no more connections are made or taken; nothing while there is room.
  [[nodiscard]] std::optional<Error> full() const;

 private:
  void on_direct_peers_changed();
  void plan();
  void dial(const ConnectionMaker::Dial& target);
  void on_dialled(const ConnectionMaker::Dial& target, Result<std::unique_ptr<Stream>> stream);
  void dial_failed(const net::Endpoint& address, const Error& error);

  Environment env_;
  const std::uint32_t connection_limit_;
  ConnectionMaker maker_;
  DirectPeers direct_peers_;
  std::map<net::Endpoint, std::unique_ptr<Pending>> dials_;
  std::vector<std::string> published_direct_;
  std::set<net::IpAddress> published_addresses_;
  bool is_plan_due_ = false;
  Timer plan_timer_;
};

}  // namespace weft::gossip
