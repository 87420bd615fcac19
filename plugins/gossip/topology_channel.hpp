#pragma once
/// The channel "topology": what neighbours say of the mesh goes into its state, and news onward.
/// Source: weaveworks/mesh router.go, applyTopologyUpdate.

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>

#include "gossip/link.hpp"
#include "gossip/mesh_state.hpp"
#include "gossip/refusals.hpp"
#include "gossip/wire/topology.hpp"

namespace weft::gossip {

/// How topology leaves this node, and how a connection ends.
class TopologyCarrier {
 public:
  /// Topology entries to one neighbour, in a slot of its outbox.
  virtual void send_topology(Link& link, SlotKey slot, const PeerNames& names) = 0;
  [[nodiscard]] virtual std::vector<Link*> random_links(PeerName except) = 0;
  /// One entry that is not in the table, at once.
  virtual void forward_claim(Link& link, const Topology::Peer& claim) = 0;
  /// The neighbour sent octets that are no topology.
  virtual void on_malformed(Link& link, const Error& error) = 0;

 protected:
  ~TopologyCarrier() = default;
};

/// Used on the mesh's loop only.
class TopologyChannel {
 public:
  /// News is passed on at once, but at most this often: a burst travels as one message.
  static constexpr Duration relay_interval = std::chrono::milliseconds{100};
  /// A neighbour hears of what others claim about it at most this often.
  static constexpr Duration warning_interval = std::chrono::milliseconds{100};
  /// Longer payloads are read in slices of this size, other work in between. What a neighbour sends
  /// meanwhile waits; it is some 5 ms of work in an unoptimised build.
  static constexpr std::size_t slice_bytes = 64U << 10U;

  TopologyChannel(Loop& loop, MeshState& state, Links& links, Refusals& refusals,
                  TopologyCarrier& carrier)
      : loop_(loop), state_(state), links_(links), refusals_(refusals), carrier_(carrier) {}

  /// Gossip, or with an originator a broadcast as older releases send it. A neighbour encodes what
  /// it passes on itself: octets that are no topology are its own fault, entries with bad values
  /// may be others'. Errors end the connection.
  [[nodiscard]] Result<> on_message(Link& from, ByteView payload,
                                    std::optional<PeerName> originator);

  /// Entries to random neighbours; our own to every weft neighbour, which hears of us from nobody
  /// else.
  void announce(const PeerNames& names);

 private:
  /// A payload that is being read.
  struct Reading {
    Reading(Connection::Id id, ByteView octets, std::optional<PeerName> first)
        : link(id), payload(octets.begin(), octets.end()), originator(first), reader(payload) {}

    Connection::Id link;
    Bytes payload;
    std::optional<PeerName> originator;
    mesh::TopologyReader reader;  // of `payload`
  };

  [[nodiscard]] Result<std::vector<Topology::Peer>> read(Link& from, mesh::TopologyReader& reader,
                                                         std::size_t bytes);
  void apply(Link& from, std::vector<Topology::Peer> update, std::optional<PeerName> originator);
  void report(const PeersUpdate& result, PeerName relay);
  void warn(const std::map<PeerName, Topology::Peer>& overruled);
  void read_on();
  void read_slice(Link& from, Reading& reading);
  void relay(const PeerNames& names, PeerName sender);
  void flush();

  Loop& loop_;
  MeshState& state_;
  Links& links_;
  Refusals& refusals_;
  TopologyCarrier& carrier_;
  std::deque<std::unique_ptr<Reading>> readings_;  // take turns
  PeerNames relayed_names_;                        // waiting to be passed on
  PeerName relayed_sender_{};  // who told them all; unknown_peer when several did
  std::optional<TimePoint> relayed_;
  std::map<PeerName, TimePoint> warned_;  // neighbours, within the interval
  Timer relay_;
  Timer reading_;
};

}  // namespace weft::gossip
