#pragma once
/// The state machine of address allocation: requests of this node, messages of others, and what is
/// kept on disk. Knows nothing of the host: it acts on the world through `Surroundings`.
/// Source: weaveworks/weave ipam/allocator.go, allocate.go, claim.go.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>
#include <weft/service/ipam.hpp>

#include "budgets.hpp"
#include "codec.hpp"
#include "disk.hpp"
#include "disputes.hpp"
#include "fences.hpp"
#include "first_ring.hpp"
#include "news.hpp"
#include "rejections.hpp"
#include "requests.hpp"
#include "ring.hpp"
#include "space.hpp"
#include "space_giver.hpp"
#include "space_seeker.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

/// What was found on disk.
struct Stored {
  std::optional<PeerName> name;
  std::optional<RingState> ring;
  Holdings holdings;
  std::optional<RingState> fences;
  bool is_in_use = false;  ///< pods have addresses of the range, whatever else was found
};

/// How a message came. Gossip and broadcasts carry what their last relay knows, whoever began them;
/// a unicast carries what its source said.
struct Delivery {
  std::optional<PeerName> source;      ///< of a unicast
  std::optional<PeerName> originator;  ///< of a broadcast

  /// Whom to answer.
  [[nodiscard]] std::optional<PeerName> asker() const { return source ? source : originator; }
};

/// Allocates addresses of the ranges this node owns, gets and gives space, and takes part in
/// dividing the range. Nothing is promised to anyone before it is on disk: answers and messages
/// that follow from a change wait for its save.
///
/// Single-threaded: every call and callback on one thread. Outlives the callbacks it gives away.
class Allocator {
 public:
  Allocator(Surroundings& surroundings, Settings settings);
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  ~Allocator() = default;

  /// Continues from what was stored, or starts afresh. Once, before anything else.
  void start(Stored stored);
  /// Drops every request unanswered. Nothing is called on the allocator afterwards but callbacks
  /// that were already under way.
  void stop() noexcept;

  /// An address in `subnet` for `owner`: the one it has there, the lowest free one, or one from
  /// another peer's space. "_" allocates for the address itself. Who waits without end comes after
  /// all others.
  void allocate(std::string owner, net::Cidr subnet, Answer<AllocatedAddress> answer,
                Patience patience = Patience::limited) {
    requests_.allocate(std::move(owner), subnet, std::move(answer), patience);
  }
  /// Records that `owner` uses `address`. "_" claims for whoever has it.
  void claim(std::string owner, net::Cidr address, ClaimMode mode, Answer<> answer) {
    requests_.claim(std::move(owner), address, mode, std::move(answer));
  }
  /// Answers once the ring has been divided.
  void prime(Answer<> answer) { requests_.prime(std::move(answer)); }
  /// Frees everything `owner` holds and cancels what it waits for. Answers what was freed.
  void release(const std::string& owner, Answer<std::vector<net::Cidr>> answer) {
    requests_.release(owner, std::move(answer));
  }
  /// Frees those of `addresses` that `owner` holds and cancels all that it waits for.
  void release_addresses(const std::string& owner, std::span<const net::IpAddress> addresses,
                         Answer<> answer) {
    requests_.release_addresses(owner, addresses, std::move(answer));
  }
  /// Frees one address of `owner`, or ends its claims to it. Errors: Errc::not_found.
  void release_address(const std::string& owner, net::IpAddress address, Answer<> answer) {
    requests_.release_address(owner, address, std::move(answer));
  }
  /// Makes the ranges of a peer that is gone for good ours; answers how many addresses those are.
  /// Errors: Errc::not_found; Errc::denied for this node and for peers that are still there.
  void take_over(PeerName peer, Answer<std::uint64_t> answer);

  [[nodiscard]] std::vector<net::Cidr> lookup(std::string_view owner) const {
    return requests_.lookup(owner);
  }
  [[nodiscard]] const Holdings& holdings() const noexcept { return holdings_; }
  /// A peer by its nickname or name. Of several, the only one that is gone and left ranges: nobody
  /// else can be taken over. Errors: Errc::not_found; Errc::conflict, which lists them.
  [[nodiscard]] Result<PeerName> find_peer(std::string_view name_or_nickname) const;

  /// Messages of other peers. An error means that whoever delivered the message cannot be worked
  /// with: its octets are none, or it says of itself that it has the ring of another cluster.
  [[nodiscard]] Result<> on_unicast(PeerName source, ByteView payload);
  [[nodiscard]] Result<> on_broadcast(PeerName originator, ByteView payload);
  [[nodiscard]] Result<> on_gossip(ByteView payload);
  [[nodiscard]] Bytes complete_state() const;
  /// The mesh lost the peer.
  void forget_peer(PeerName peer);

  struct Status {
    std::optional<VoteStatus> vote;  ///< while consensus is awaited
    bool is_searching = false;       ///< for the ring of which this node lost its copy
    net::Cidr universe;
    std::uint32_t active = 0;  ///< allocated addresses of our ranges
    std::uint32_t free = 0;
    std::vector<WaitingClaim> pending_claims;
    std::vector<WaitingAllocation> pending_allocations;
    std::uint64_t outbid = 0;   ///< entries that would have taken ranges from this node
    std::uint64_t refused = 0;  ///< what else of peers was not taken
  };
  [[nodiscard]] Status status() const;
  /// Whether nobody has a free address in `subnet`, as far as this node was told.
  [[nodiscard]] bool is_exhausted(const net::Cidr& subnet) const;
  [[nodiscard]] const Ring& ring() const noexcept { return ring_; }
  [[nodiscard]] const Nicknames& nicknames() const noexcept { return nicknames_; }
  [[nodiscard]] const Fences& fences() const noexcept { return fences_; }
  /// What an operator has to settle, one sentence each.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  // allocator.cpp: its life, and the ring as a whole
  [[nodiscard]] bool restore(Stored stored);
  void divide_ring(std::vector<PeerName> peers);
  void search_in_vain();
  void ring_changed();
  void refresh_space();
  [[nodiscard]] AddressSet owned() const;
  [[nodiscard]] bool needs_retry() const noexcept;
  void arm_retry();
  void retry();
  void settle();

  // exchange.cpp: what other peers ask and tell
  [[nodiscard]] Result<> update(const Delivery& delivery, ByteView octets);
  void hear_nicknames(Nicknames received);
  void prune_nicknames();
  void answer_with_ring(PeerName to);
  void send_ring(PeerName to);

  // conflict.cpp: whose word counts when rings disagree
  [[nodiscard]] Result<> merge_ring(const Delivery& delivery, const GossipState& state);
  [[nodiscard]] bool lets_go(std::span<const AddressRange> ranges, PeerName rival) const;
  void hear_moves(const Delivery& delivery, const std::vector<MergeOutcome::Move>& moves);
  void hear_teller(PeerName teller, Word word, const RingState& told);
  [[nodiscard]] Word word_of(const Delivery& delivery) const;
  void fence_gain(AddressRange range, PeerName from);
  [[nodiscard]] std::vector<PeerName> known_claimants(AddressRange range) const;
  void open_fences();
  void ask_former_owners();
  [[nodiscard]] bool is_awaited(PeerName peer) const;

  // take_overs.cpp: when the former owner was only cut off
  void reopen_take_overs(PeerName owner);
  void ask_for_addresses_in_use();
  void hear_denial(PeerName owner, AddressRange denied);
  void cede_denied(PeerName owner, const AddressSet& claimed);
  [[nodiscard]] std::vector<std::string> lost_addresses() const;

  Surroundings& surroundings_;
  const Settings settings_;
  Ring ring_;
  Space space_;
  Fences fences_;
  Disputes disputes_;
  Holdings holdings_;
  Nicknames nicknames_;

  Rejections rejections_;
  Disk disk_;
  FirstRing first_ring_;
  SpaceSeeker seeker_;
  SpaceGiver giver_;
  News news_;
  Requests requests_;

  /// Whether what this node says of its ranges takes into account what others know: not while it
  /// has only its disk or its configuration to go by, as others may have been given space since.
  bool has_heard_ring_ = false;
  bool is_retry_wanted_ = false;  // the ring changed: pending requests may succeed now
  bool is_retry_armed_ = false;
  Timer retry_;
  Timer opening_;  // of the next fence
  std::optional<TimePoint> asked_in_use_;
  std::map<PeerName, AddressSet> denied_;  // by former owners, until their next word
  std::vector<net::Cidr> published_;
  PeerBudgets answers_{answers_per_peer};
  Budget new_tokens_{new_tokens_of_all};
};

}  // namespace weft::ipam
