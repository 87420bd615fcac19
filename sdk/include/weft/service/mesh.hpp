#pragma once
/// The mesh: who is there, and messages between peers on named gossip channels.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/events/topology.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/reply.hpp>

namespace weft {

/// The receiving side of a gossip channel, implemented by its user and called on the user's loop,
/// in order per connection. An error drops the message, and closes the connection that delivered it
/// when the neighbour there is known to have written it: report only what its author is to blame
/// for, not what it may have merged from others.
/// Source: weaveworks/mesh gossip.go, Gossiper.
class GossipHandler {
 public:
  /// A message for this peer alone. One in the name of a neighbour came over the neighbour's own
  /// connection; any other peer's name is what relays say.
  [[nodiscard]] virtual Result<> on_unicast(PeerName source, ByteView payload) = 0;
  /// Returns what to pass on along the originator's broadcast route, if anything.
  [[nodiscard]] virtual Result<std::optional<Bytes>> on_broadcast(PeerName originator,
                                                                  ByteView payload) = 0;
  /// Returns what to pass on to random neighbours, if anything.
  [[nodiscard]] virtual Result<std::optional<Bytes>> on_gossip(ByteView payload) = 0;
  /// Everything this peer knows, for periodic gossip and new connections.
  [[nodiscard]] virtual Bytes complete_state() = 0;

 protected:
  ~GossipHandler() = default;
};

/// The sending side. Owned by the user; destroying it leaves the channel: no handler runs after
/// the destructor returned on the user's loop. All methods on the user's loop.
class GossipChannel {
 public:
  virtual ~GossipChannel() = default;

  /// Sends to one peer, through others if need be. Answers once the first hop took it.
  /// Errors: Errc::unreachable.
  virtual void unicast(PeerName destination, Bytes payload, Reply<> sent) = 0;
  /// Sends this node's complete state to every peer. Encoded when a connection is ready for it, so
  /// a slow link coalesces repeated calls.
  virtual void broadcast_state() = 0;
};

/// Control: any plugin loop.
class Mesh {
 public:
  static constexpr std::string_view service = "weft.mesh/1";

  /// Joins channel `name`. `handler` is called on `loop` until the channel is destroyed.
  /// Errors: Errc::conflict when the name is taken.
  [[nodiscard]] virtual Result<std::unique_ptr<GossipChannel>> join(std::string name,
                                                                    GossipHandler& handler,
                                                                    Loop& loop) = 0;

  /// This node's name; constant.
  [[nodiscard]] virtual PeerName self() const noexcept = 0;
  /// The newest snapshots. Any thread; never null.
  [[nodiscard]] virtual std::shared_ptr<const Topology> topology() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const Routes> routes() const = 0;

  /// Adds direct peers ("host" or "host:port"); `replace` forgets the earlier ones.
  /// Errors: Errc::invalid with every address that cannot be used; the others are added.
  virtual void connect(std::vector<std::string> peers, bool replace, Reply<> reply) = 0;
  /// Removes direct peers by the exact text used to add them. Errors: Errc::not_found with every
  /// text that was not; the others are removed.
  virtual void forget(std::vector<std::string> peers, Reply<> reply) = 0;

 protected:
  ~Mesh() = default;
};

}  // namespace weft
