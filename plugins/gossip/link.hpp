#pragma once
/// The connections of this node and what belongs to each.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/service/overlay.hpp>

#include "gossip/connection.hpp"
#include "gossip/outbox.hpp"
#include "gossip/token_bucket.hpp"

namespace weft::gossip {

/// One connection with its overlays and what waits to be sent on it.
struct Link {
  /// Control messages that a peer may send at once, and how often one more. Overlays send a few
  /// when they begin and one now and then after that.
  static constexpr int control_burst = 256;
  static constexpr Duration control_period = std::chrono::milliseconds{10};
  /// Longer control messages end the connection; the longest in use has about a hundred bytes.
  static constexpr std::size_t max_control_bytes = 4096;

  std::unique_ptr<Connection> connection;
  net::Endpoint address;       ///< of the remote, as dialled or accepted
  std::uint64_t local_id = 0;  ///< our part of the connection UID
  bool is_direct = false;      ///< the remote's name may be new to us
  bool is_trusted_by_us = false;

  PeerName remote{};               ///< unknown_peer until it said who it is
  std::uint64_t uid = 0;           ///< equal on both sides
  std::uint64_t process = 0;       ///< the UID of the remote's process
  bool is_weft = false;            ///< speaks our extensions
  bool is_without_switch = false;  ///< names no overlays: protocol 1
  bool is_encrypted = false;       ///< its frames are
  bool is_added = false;           ///< the mesh counts on it
  bool is_established = false;
  bool is_replaced = false;  ///< another connection to the same remote takes over
  Outbox outbox;
  std::unique_ptr<SwitchedConnection> overlay;
  Timer failure;  ///< no overlay works: the end is near
  TimePoint added_at;
  Timer proof;         ///< that our name is ours
  std::string warned;  ///< the last warning that was sent to it
  TokenBucket controls{control_burst, control_period, TimePoint{}};  ///< for the overlays

  [[nodiscard]] Connection::Id id() const noexcept { return connection->id(); }
};

/// Every connection by its id, and those that count by their remote.
class Links {
 public:
  Link& insert(Link link) {
    const Connection::Id id = link.id();
    return links_.emplace(id, std::move(link)).first->second;
  }
  /// Null when it is gone.
  [[nodiscard]] Link* find(Connection::Id id) noexcept {
    const auto at = links_.find(id);
    return at == links_.end() ? nullptr : &at->second;
  }
  /// The connection to `remote` that counts; null when there is none.
  [[nodiscard]] Link* to(PeerName remote) noexcept {
    const auto at = by_remote_.find(remote);
    return at == by_remote_.end() ? nullptr : find(at->second);
  }
  void add(Link& link) {
    link.is_added = true;
    by_remote_.insert_or_assign(link.remote, link.id());
  }
  void remove(Link& link) {
    link.is_added = false;
    by_remote_.erase(link.remote);
  }
  [[nodiscard]] std::size_t added() const noexcept { return by_remote_.size(); }
  /// Takes a connection out, whole.
  [[nodiscard]] Link extract(Connection::Id id) { return std::move(links_.extract(id).mapped()); }
  /// Calls `visit` for each connection. It may end connections, this one included.
  template <class Visit>
  void for_each(Visit visit) {
    for (auto at = links_.begin(); at != links_.end();) {
      visit((at++)->second);
    }
  }
  [[nodiscard]] const std::map<Connection::Id, Link>& all() const noexcept { return links_; }

 private:
  std::map<Connection::Id, Link> links_;
  std::map<PeerName, Connection::Id> by_remote_;
};

}  // namespace weft::gossip
