#pragma once
/// Agreement on the peers among whom the ring is first divided: single-decree Paxos carried by
/// gossip. Source: weaveworks/weave ipam/paxos/paxos.go.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <weft/function.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::ipam {

/// Nodes whose claims are kept, and runs of one peer among them. Forgetting what others claim is
/// like not having heard of it.
inline constexpr std::size_t max_votes = 1'024;
inline constexpr std::size_t max_runs_per_peer = 8;
/// Nodes among them of peers that the mesh does not know, or not yet.
inline constexpr std::size_t max_unknown_votes = 64;
/// Peers that one accepted value may name.
inline constexpr std::size_t max_vote_peers = 1'024;

/// One run of one peer. A restarted peer has forgotten its promises, so it must be somebody else.
struct NodeId {
  PeerName name{};
  std::uint64_t uid = 0;

  auto operator<=>(const NodeId&) const = default;
};

/// Ordered by round, then proposer. Round 0 means "none" and precedes every proposal.
struct ProposalId {
  std::uint64_t round = 0;
  NodeId proposer;

  auto operator<=>(const ProposalId&) const = default;
  [[nodiscard]] bool is_valid() const noexcept { return round > 0; }
};

struct AcceptedValue {
  std::vector<PeerName> peers;
  ProposalId origin;  ///< the proposal that introduced the value: equal origins mean equal values

  bool operator==(const AcceptedValue&) const = default;
};

/// What a node promised and accepted, as far as anyone knows.
struct NodeClaims {
  ProposalId promise;
  ProposalId accepted;
  AcceptedValue value;

  bool operator==(const NodeClaims&) const = default;
};

/// Everything gossiped about a vote.
using PaxosState = std::map<NodeId, NodeClaims>;

/// A voter: acceptor, and proposer when asked to be. A value.
class Elector {
 public:
  explicit Elector(NodeId self) : self_(self) {}

  [[nodiscard]] const PaxosState& known() const noexcept { return known_; }
  /// 0 until consensus is sought here: such a node votes but does not decide.
  [[nodiscard]] std::size_t quorum() const noexcept { return quorum_; }
  void set_quorum(std::size_t quorum) noexcept { quorum_ = quorum; }

  /// Whether the mesh knows a peer.
  using IsKnown = UniqueFunction<bool(PeerName)>;

  /// Learns what others know, of nodes that there is room for. Rounds above `round_ceiling` are not
  /// believed. True when anything was new.
  bool update(const PaxosState& received, std::uint64_t round_ceiling, IsKnown is_known);
  /// Forgets what nodes of peers unknown to the mesh claim.
  void forget_unknown(IsKnown is_known);
  /// Starts a proposal that supersedes all known ones. Gossip the state afterwards.
  void propose();
  /// Promises and accepts what the rules allow. True when this node's claims changed.
  bool think();
  /// The value that a quorum accepted.
  [[nodiscard]] std::optional<std::vector<PeerName>> consensus() const;

 private:
  [[nodiscard]] bool has_room_for(const NodeId& node) const;

  /// What to accept for our own proposal once a quorum promised it.
  [[nodiscard]] std::optional<AcceptedValue> winning_value(const ProposalId& own) const;

  NodeId self_;
  std::size_t quorum_ = 0;
  PaxosState known_;
};

}  // namespace weft::ipam
