#pragma once
/// The state machine of address allocation: requests of this node, messages of others, and what is
/// kept on disk. Knows nothing of the host: it acts on the world through `Surroundings`.
/// Source: weaveworks/weave ipam/allocator.go, allocate.go, claim.go.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/function.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>
#include <weft/service/ipam.hpp>

#include "budgets.hpp"
#include "codec.hpp"
#include "fences.hpp"
#include "init_mode.hpp"
#include "paxos.hpp"
#include "ring.hpp"
#include "space.hpp"

namespace weft::ipam {

template <class T = void>
using Answer = UniqueFunction<void(Result<T>)>;

/// Everything the allocator needs of the world. Called on the allocator's thread; callbacks come
/// later on that thread, never from inside the call.
class Surroundings {
 public:
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  [[nodiscard]] virtual TimePoint now() const = 0;
  /// A uniformly random real in [0, 1).
  [[nodiscard]] virtual double random_unit() = 0;
  [[nodiscard]] virtual Timer after(Duration delay, Task task) = 0;

  /// Sends to one peer. Answers Errc::unreachable when there is no way to it.
  virtual void unicast(PeerName to, Bytes payload, Answer<> sent) = 0;
  /// Sends Allocator::complete_state to every peer, soon.
  virtual void broadcast_state() = 0;
  /// Puts all of it on disk, or none. `fences` is Fences::stored.
  virtual void save(const RingState& ring, const Holdings& holdings, const RingState& fences,
                    Answer<> saved) = 0;
  /// The addresses of the ring that belong to this node are now these.
  virtual void publish(std::vector<net::Cidr> local_ranges) = 0;

  /// Whether the mesh has heard of the peer.
  [[nodiscard]] virtual bool is_known(PeerName peer) const = 0;
  /// Whether this node has a connection of its own to the peer, over which alone the mesh takes
  /// unicasts in its name.
  [[nodiscard]] virtual bool is_neighbour(PeerName peer) const = 0;
  /// How many configured addresses of peers the mesh still tries.
  [[nodiscard]] virtual std::size_t direct_peers() const = 0;
  /// Counts what peers told or asked and this node did not take, by reason.
  virtual void count_refused(std::string_view reason, std::size_t times) = 0;
  /// Counts entries of a message that would have taken ranges from this node.
  virtual void count_outbid(std::size_t entries) = 0;
  [[nodiscard]] virtual Log& log() = 0;

 protected:
  ~Surroundings() = default;
};

struct Settings {
  PeerName self{};
  std::string nickname;
  std::uint64_t uid = 0;  ///< different in every run of this peer
  net::Cidr universe;     ///< the cluster's range; its last address is below 255.255.255.255
  InitMode init;
  std::chrono::milliseconds allocate_timeout{30'000};
};

/// What was found on disk.
struct Stored {
  std::optional<PeerName> name;
  std::optional<RingState> ring;
  Holdings holdings;
  std::optional<RingState> fences;
  bool is_in_use = false;  ///< pods have addresses of the range, whatever else was found
};

/// How to treat a claim that cannot be decided yet.
enum class ClaimMode : std::uint8_t {
  strict,   ///< wait for the decision
  lenient,  ///< answer success at once and keep trying
  found     ///< wait for it without end, and never begin the division of the range for it
};

/// How an allocation waits.
enum class Patience : std::uint8_t {
  limited,  ///< the range is divided for it if need be; it fails when it takes too long
  endless   ///< until somebody else has the range divided, and then until there is space
};

/// Why this node did not take what a peer told or asked. The first are those of Refusal.
inline constexpr std::array<std::string_view, 10> refusal_reasons{
    "out-of-order",
    "out-of-range",
    "version",
    "too-many",
    "other-ring",               ///< seeded differently, or of another range
    "nickname",                 ///< of a peer neither in the mesh nor in the ring
    "request-of-unknown-peer",  ///< for space
    "request-rate",             ///< for space, more often than in need
    "question-rate",            ///< for the ring, too often
    "denial"                    ///< of an address that is not the sender's
};

/// How a message came. Gossip and broadcasts carry what their last relay knows, whoever began them;
/// a unicast carries what its source said.
struct Delivery {
  std::optional<PeerName> source;      ///< of a unicast
  std::optional<PeerName> originator;  ///< of a broadcast

  /// Whom to answer.
  [[nodiscard]] std::optional<PeerName> asker() const { return source ? source : originator; }
};

/// Lets one line of a kind into the log now and then.
struct LogGate {
  TimePoint next{};
  std::uint64_t untold = 0;  ///< lines held back since the last one
};

/// How far the first division of the range is.
struct VoteStatus {
  bool is_elector = false;
  std::size_t known_nodes = 0;
  std::size_t quorum = 0;
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
                Patience patience = Patience::limited);
  /// Records that `owner` uses `address`. "_" claims for whoever has it.
  void claim(std::string owner, net::Cidr address, ClaimMode mode, Answer<> answer);
  /// Answers once the ring has been divided.
  void prime(Answer<> answer);
  /// Frees everything `owner` holds and cancels what it waits for. Answers what was freed.
  void release(const std::string& owner, Answer<std::vector<net::Cidr>> answer);
  /// Frees those of `addresses` that `owner` holds and cancels all that it waits for.
  void release_addresses(const std::string& owner, std::span<const net::IpAddress> addresses,
                         Answer<> answer);
  /// Frees one address of `owner`, or ends its claims to it. Errors: Errc::not_found.
  void release_address(const std::string& owner, net::IpAddress address, Answer<> answer);
  /// Makes the ranges of a peer that is gone for good ours; answers how many addresses those are.
  /// Errors: Errc::not_found; Errc::denied for this node and for peers that are still there.
  void take_over(PeerName peer, Answer<std::uint64_t> answer);

  [[nodiscard]] std::vector<net::Cidr> lookup(std::string_view owner) const;
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
    struct PendingClaim {
      std::string owner;
      net::Cidr address;
    };
    struct PendingAllocation {
      std::string owner;
      net::Cidr subnet;
    };
    std::optional<VoteStatus> vote;  ///< while consensus is awaited
    bool is_searching = false;       ///< for the ring of which this node lost its copy
    net::Cidr universe;
    std::uint32_t active = 0;  ///< allocated addresses of our ranges
    std::uint32_t free = 0;
    std::vector<PendingClaim> pending_claims;
    std::vector<PendingAllocation> pending_allocations;
    std::uint64_t outbid = 0;   ///< entries that would have taken ranges from this node
    std::uint64_t refused = 0;  ///< what else of peers was not taken
  };
  [[nodiscard]] Status status() const;
  /// Whether nobody has a free address in `subnet`, as far as this node was told.
  [[nodiscard]] bool is_exhausted(const net::Cidr& subnet) const;
  [[nodiscard]] const Ring& ring() const noexcept { return ring_; }
  [[nodiscard]] const Nicknames& nicknames() const noexcept { return nicknames_; }
  [[nodiscard]] const Fences& fences() const noexcept { return fences_; }

 private:
  struct Pending {
    std::uint64_t id = 0;
    Timer deadline;
    bool is_patient = false;  ///< no deadline, and no reason to divide the range
  };
  struct PendingPrime : Pending {
    Answer<> answer;
  };
  struct PendingClaim : Pending {
    std::string owner;
    net::Cidr address;
    ClaimMode mode{};
    Answer<> answer;  ///< empty once a lenient claim was answered
    unsigned tries = 0;
  };
  struct PendingAllocation : Pending {
    std::string owner;
    net::Cidr subnet;
    Answer<AllocatedAddress> answer;
  };
  using AfterSave = UniqueFunction<void(const Result<>&)>;

  /// Lost messages are sent again this often. Source: weaveworks/weave ipam/allocator.go,
  /// tickInterval.
  static constexpr Duration retry_interval = std::chrono::seconds{5};
  /// Peers whose requests wait for the ring; the others ask again.
  static constexpr std::size_t max_early_requests = 64;

  // allocator.cpp: life, disk, and the ring as a whole
  [[nodiscard]] bool restore(Stored stored);
  void divide_ring(std::vector<PeerName> peers);
  void ring_changed();
  void refresh_space();
  void search_ring();
  void end_search();
  void establish_ring();
  void propose();
  void decide();
  [[nodiscard]] bool has_pending() const noexcept {
    return !primes_.empty() || !claims_.empty() || !allocations_.empty();
  }
  /// Whether somebody waits for whom the range is to be divided.
  [[nodiscard]] bool has_impatient() const noexcept;
  [[nodiscard]] bool needs_retry() const noexcept;
  void arm_retry();
  void retry();
  void settle();
  void save();
  void on_saved(const Result<>& saved);
  static void run_effects(std::vector<AfterSave> effects, const Result<>& saved);
  void after_save(AfterSave effect) { effects_.push_back(std::move(effect)); }
  template <class T>
  void answer_after_save(Answer<T> answer, T value) {
    after_save(
        [answer = std::move(answer), value = std::move(value)](const Result<>& saved) mutable {
          saved ? answer(std::move(value)) : answer(tl::unexpected(saved.error()));
        });
  }
  void answer_after_save(Answer<> answer) {
    after_save([answer = std::move(answer)](const Result<>& saved) mutable { answer(saved); });
  }
  [[nodiscard]] const RingState& public_ring() const noexcept;
  [[nodiscard]] AddressSet owned() const;

  // requests.cpp: what this node's containers want
  void try_pending();
  void try_allocations();
  [[nodiscard]] bool begins_ring();
  [[nodiscard]] bool try_prime(PendingPrime& pending);
  [[nodiscard]] bool try_claim(PendingClaim& pending);
  [[nodiscard]] bool try_outside_claim(PendingClaim& pending);
  [[nodiscard]] bool try_own_claim(PendingClaim& pending);
  [[nodiscard]] bool try_allocation(PendingAllocation& pending);
  void succeed(PendingClaim& pending);
  void refuse(PendingClaim& pending, std::string why);
  void refuse_foreign(PendingClaim& pending, PeerName owner, std::string_view reason);
  void expire(std::uint64_t id);
  void cancel(std::string_view owner);
  void cancel(PendingClaim& pending);
  /// Answers what was freed: the addresses for which `is_meant`.
  [[nodiscard]] std::vector<net::Cidr> free_held(
      const std::string& owner, const std::function<bool(const net::Cidr&)>& is_meant);
  void add_holding(const std::string& owner, const net::Cidr& address);
  [[nodiscard]] const std::string* holder_of(const net::IpAddress& address) const;
  [[nodiscard]] std::string why_no_ring() const;
  [[nodiscard]] std::string why_no_space(AddressRange wanted) const;
  [[nodiscard]] Timer deadline_of(std::uint64_t id);

  // exchange.cpp: what other peers want and tell
  void request_address(PendingClaim& pending, PeerName owner);
  void request_space(AddressRange wanted);
  void request_space_from(std::vector<PeerName> candidates, AddressRange wanted);
  void claim_request_failed(std::uint64_t id, PeerName owner, const Error& error);
  void donate(AddressRange wanted, PeerName to);
  void answer_early_requests();
  void denied_by(PeerName owner, AddressRange range);
  [[nodiscard]] Result<> update(const Delivery& delivery, ByteView octets);
  void hear_nicknames(Nicknames received);
  void prune_nicknames();
  void hear_vote(const PaxosState& received);
  void answer_with_ring(PeerName to);
  void send_ring(PeerName to);
  [[nodiscard]] bool may_have(AddressRange wanted, PeerName to);
  [[nodiscard]] std::string with_nickname(PeerName peer) const;

  // conflict.cpp: whose word counts when rings disagree
  [[nodiscard]] Result<> merge_ring(const Delivery& delivery, const GossipState& state);
  [[nodiscard]] bool lets_go(std::span<const AddressRange> ranges, PeerName rival) const;
  void hear_moves(const Delivery& delivery, const std::vector<MergeOutcome::Move>& moves);
  void hear_teller(PeerName teller, Word word, const RingState& told);
  [[nodiscard]] Word word_of(const Delivery& delivery) const;
  void fence_gain(AddressRange range, PeerName from);
  [[nodiscard]] std::vector<PeerName> known_claimants(AddressRange range) const;
  void note_asked(PeerName peer, AddressRange wanted);
  [[nodiscard]] bool is_asked(PeerName peer, AddressRange range) const;
  void forget_asked(PeerName peer, AddressRange range);
  void open_fences();
  void ask_former_owners();
  [[nodiscard]] bool is_awaited(PeerName peer) const;
  void tell(PeerName peer);
  void ask_for_ring(PeerName peer);
  void spread_news();
  void broadcast_outbid();
  [[nodiscard]] bool is_ahead_of_clocks() const;
  void refused(std::string_view reason, std::size_t times = 1);
  void report(const Delivery& delivery, const GossipState& state, const MergeOutcome& outcome);
  [[nodiscard]] bool may_log(LogGate& gate);

  Surroundings& surroundings_;
  Settings settings_;
  AddressRange universe_;
  Ring ring_;
  Space space_;
  Fences fences_;
  Holdings holdings_;
  Nicknames nicknames_;
  std::optional<Elector> elector_;  // nobody for observers, and once there is a ring
  bool is_awaiting_consensus_ = false;
  bool is_searching_ = false;  // peers may know the ring that this node has lost
  Timer search_;

  std::uint64_t next_id_ = 1;
  std::vector<PendingPrime> primes_;
  std::vector<PendingClaim> claims_;
  std::vector<PendingAllocation> allocations_;
  std::vector<AddressRange> asked_;  // where space was asked for since the last retry
  struct EarlyRequest {
    AddressRange wanted;
    TimePoint asked{};
  };
  std::map<PeerName, EarlyRequest> early_requests_;  // the last of each peer, until there is a ring
  std::vector<net::Cidr> published_;

  RingState saved_ring_;               // what is on disk
  RingState ring_being_saved_;         // what will be when the running save succeeds
  bool are_holdings_unsaved_ = false;  // or fences
  bool is_saving_ = false;
  std::optional<TimePoint> last_save_;
  bool is_save_armed_ = false;
  Timer save_later_;
  std::uint64_t grants_made_ = 0;
  std::uint64_t grants_being_saved_ = 0;
  std::uint64_t grants_saved_ = 0;
  std::vector<AfterSave> effects_;         // wait for the next save
  std::vector<AfterSave> effects_saving_;  // wait for the running save

  bool is_retry_wanted_ = false;  // the ring changed: pending requests may succeed now
  bool is_retry_armed_ = false;
  Timer retry_;

  /// Whether what this node says of its ranges takes into account what others know: not while it
  /// has only its disk or its configuration to go by, as others may have been given space since.
  bool has_heard_ring_ = false;
  struct Asked {
    PeerName peer{};
    AddressRange wanted;
    TimePoint last{};
  };
  std::vector<Asked> asked_peers_;  // for space, a moment ago; each request once
  Disputes disputes_;
  Timer opening_;               // of the next fence
  std::set<PeerName> to_tell_;  // peers that should know what is said of their ranges
  std::set<PeerName> to_ask_;   // peers of whose rings something was left out
  bool is_outbid_untold_ = false;
  std::optional<TimePoint> last_news_;
  bool is_news_armed_ = false;
  Timer news_;

  PeerBudgets donations_{donations_per_peer};
  PeerBudgets singles_{singles_per_peer};
  PeerBudgets answers_{answers_per_peer};
  Budget all_donations_{donations_of_all};
  Budget new_tokens_{new_tokens_of_all};
  std::uint64_t outbid_ = 0;
  std::uint64_t refused_ = 0;
  LogGate outbid_lines_;
  LogGate refusal_lines_;
};

}  // namespace weft::ipam
