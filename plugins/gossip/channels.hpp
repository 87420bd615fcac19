#pragma once
/// Gossip channels: what arrives goes to the channel's user and from there onward, what is to be
/// sent waits in the connections' outboxes until they can take it.
/// Source: weaveworks/mesh gossip_channel.go, router.go.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/reply.hpp>

#include "gossip/link.hpp"
#include "gossip/membership.hpp"
#include "gossip/mesh_state.hpp"
#include "gossip/refusals.hpp"
#include "gossip/surrogate.hpp"
#include "gossip/topology_channel.hpp"
#include "gossip/wire/message.hpp"

namespace weft::gossip {

/// A neighbour is cut for what it wrote itself; what it passed on for others is dropped and
/// counted. Used on the mesh's loop only.
class Channels final : private TopologyCarrier {
 public:
  /// Everything a channel's user knows goes to random neighbours this often.
  static constexpr Duration gossip_interval = std::chrono::seconds{30};
  /// Outboxes are emptied while less than this waits in a connection's stream.
  static constexpr std::size_t low_water_bytes = 64U << 10U;
  /// Topology leaves in messages of about this size: what is encoded in one go, and what waits in a
  /// stream.
  static constexpr std::size_t topology_chunk_bytes = 128U << 10U;
  /// Unicasts go straight to the stream; what would have more wait there is dropped.
  static constexpr std::size_t unicast_limit_bytes = 1U << 20U;
  /// Payload bytes that wait for all connections. Beyond, those that have more waiting than
  /// `own_payload_bytes` get no more.
  static constexpr std::size_t max_payload_bytes = 8U << 20U;
  static constexpr std::size_t own_payload_bytes = 64U << 10U;
  /// What a message costs a channel's user besides its payload, as far as back-pressure counts.
  static constexpr std::size_t message_overhead_bytes = 256;
  /// Channels that nobody here joined; peers could invent any number of them.
  static constexpr std::size_t max_surrogates = 64;
  static constexpr std::size_t max_surrogate_name_bytes = 64;
  /// Payload bytes kept for users that have not joined yet, of all channels together.
  static constexpr std::size_t max_early_bytes = 4U << 20U;
  /// How long after the start they are kept.
  static constexpr Duration joining_time = std::chrono::seconds{30};

  /// Ends the connection to a neighbour that wrote what it should not.
  using Cut = UniqueFunction<void(Connection::Id, DropReason, const Error&)>;

  Channels(Loop& loop, Log& log, Metrics& metrics, MeshState& state, Links& links, Cut cut);

  /// Errors end the connection.
  [[nodiscard]] Result<> on_gossip(Link& from, const mesh::Gossip& message);
  [[nodiscard]] Result<> on_broadcast(Link& from, const mesh::GossipBroadcast& message);
  /// `octets`: the whole message, relayed unchanged.
  [[nodiscard]] Result<> on_unicast(Link& from, const mesh::GossipUnicast& message,
                                    ByteView octets);
  [[nodiscard]] Result<> on_damaged(Link& from, const mesh::DamagedUnicast& message);

  void join(const std::string& name, std::shared_ptr<Membership> user);
  void leave(const std::string& name);
  void unicast(const std::string& channel, PeerName destination, Bytes payload, Reply<> sent);
  void broadcast_state(const std::string& channel);

  /// The complete state of every channel down one connection, topology first.
  void send_everything(Link& link);
  /// Topology entries that are news.
  void announce(const PeerNames& names) { topology_.announce(names); }
  /// Topology entries to one neighbour.
  void send_topology(Link& link, SlotKey slot, const PeerNames& names) override;
  /// Sends from the outbox what the connection can take now.
  void pump(Link& link);

  [[nodiscard]] const Refusals& refusals() const noexcept { return refusals_; }

 private:
  /// Who waits for a channel's complete state, and as what it is sent to them.
  using Waiting = std::set<std::pair<Connection::Id, SlotKey>>;
  struct Channel {
    std::shared_ptr<Membership> user;  // null: surrogate
    SurrogateFilter filter;
    EarlyMessages early;
    Waiting waiting;    // for the next answer
    Waiting in_flight;  // for the answer under way: what comes now may come too late for it
  };

  /// Who wrote a message, as it says.
  struct Origin {
    PeerName author{};
    bool is_neighbours_own = false;  ///< surely
  };
  [[nodiscard]] static Origin origin(const Link& from, PeerName author);
  /// Whether a message is to be dropped because it claims to be ours.
  [[nodiscard]] bool is_in_our_name(PeerName author);
  /// Whether a unicast is to be dropped because it claims to be that of another neighbour.
  [[nodiscard]] bool is_in_neighbours_name(const Link& from, PeerName source);

  // TopologyCarrier
  [[nodiscard]] std::vector<Link*> random_links(PeerName except) override;
  void forward_claim(Link& link, const Topology::Peer& claim) override;
  void on_malformed(Link& link, const Error& error) override;

  [[nodiscard]] Channel* find_or_create(const std::string& name);
  [[nodiscard]] std::size_t early_bytes() const;
  void on_surrogate(const std::string& name, Channel& channel, std::optional<PeerName> originator,
                    ByteView payload, PeerName author, const Link& from);
  void deliver(Membership& user, EarlyMessages::Message message);
  [[nodiscard]] Reply<std::optional<Bytes>> answer_to(Link& from, Origin origin, std::size_t bytes,
                                                      UniqueFunction<void(Bytes)> pass_on);
  void refuse(Link& from, Origin origin, const Error& error);
  void relay_gossip(const std::string& channel, PeerName except, SlotKey slot,
                    const Bytes& payload);
  void relay_broadcast(const std::string& channel, PeerName originator, const Bytes& payload);
  [[nodiscard]] bool is_hoarding(const Link& link) const;
  void add_payload(Link& link, const std::string& channel, SlotKey slot, Bytes payload);
  [[nodiscard]] Result<> send_unicast(PeerName destination, ByteView octets);
  void gossip_everything();
  void send_topology_chunk(Link& link, const Outbox::Item& item, PeerNames names);
  void request_state(const std::string& name, Channel& channel);
  void on_state(const std::string& name, Result<Bytes> state);
  void send(Link& link, const std::string& channel, SlotKey slot, ByteView payload);

  Loop& loop_;
  Log& log_;
  MeshState& state_;
  Links& links_;
  Cut cut_;
  Refusals refusals_;
  TopologyChannel topology_;
  std::map<std::string, Channel> channels_;
  std::size_t surrogates_ = 0;
  Counter& undeliverable_;
  Counter& overflowed_;
  Counter& ignored_;
  TimePoint started_;
  std::shared_ptr<Channels*> weak_self_ = std::make_shared<Channels*>(this);
  Timer periodic_;
};

}  // namespace weft::gossip
