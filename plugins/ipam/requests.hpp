#pragma once
/// What this node's containers ask for, and what they hold.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>
#include <weft/service/ipam.hpp>

#include "codec.hpp"
#include "disk.hpp"
#include "fences.hpp"
#include "first_ring.hpp"
#include "rejections.hpp"
#include "ring.hpp"
#include "space.hpp"
#include "space_seeker.hpp"
#include "surroundings.hpp"

namespace weft::ipam {

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

/// A request that waits, for `weft status`.
struct WaitingClaim {
  std::string owner;
  net::Cidr address;
};
struct WaitingAllocation {
  std::string owner;
  net::Cidr subnet;
};

/// Decides requests from what this node owns; others wait here until the ring, the space or the
/// fences change. Documented at Allocator, which passes them on.
class Requests {
 public:
  /// What the requests are decided by. All of it outlives this object.
  struct Parts {
    const Settings& settings;
    const Ring& ring;
    const Fences& fences;
    const Nicknames& nicknames;
    Space& space;
    Holdings& holdings;
    Disk& disk;
    FirstRing& first_ring;
    SpaceSeeker& seeker;
    Rejections& rejections;
  };
  /// `settle` follows every change.
  Requests(Surroundings& surroundings, const Parts& parts, std::function<void()> settle)
      : surroundings_(surroundings), parts_(parts), settle_(std::move(settle)) {}

  void stop() noexcept;

  void allocate(std::string owner, net::Cidr subnet, Answer<AllocatedAddress> answer,
                Patience patience);
  void claim(std::string owner, net::Cidr address, ClaimMode mode, Answer<> answer);
  void prime(Answer<> answer);
  void release(const std::string& owner, Answer<std::vector<net::Cidr>> answer);
  void release_addresses(const std::string& owner, std::span<const net::IpAddress> addresses,
                         Answer<> answer);
  void release_address(const std::string& owner, net::IpAddress address, Answer<> answer);
  [[nodiscard]] std::vector<net::Cidr> lookup(std::string_view owner) const;

  /// Tries all that wait.
  void try_all_waiting();
  /// `owner` refused addresses of the range.
  void denied_by(PeerName owner, AddressRange range);

  [[nodiscard]] bool has_any() const noexcept {
    return !primes_.empty() || !claims_.empty() || !allocations_.empty();
  }
  /// Whether somebody waits for whom the range is to be divided.
  [[nodiscard]] bool has_impatient() const noexcept;
  [[nodiscard]] std::vector<WaitingClaim> waiting_claims() const;
  /// Without those that ask for nothing before there is a ring.
  [[nodiscard]] std::vector<WaitingAllocation> waiting_allocations() const;

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

  [[nodiscard]] bool begins_ring();
  void try_allocations();
  [[nodiscard]] bool try_prime(PendingPrime& pending);
  [[nodiscard]] bool try_claim(PendingClaim& pending);
  [[nodiscard]] bool try_outside_claim(PendingClaim& pending);
  [[nodiscard]] bool try_own_claim(PendingClaim& pending);
  [[nodiscard]] bool try_allocation(PendingAllocation& pending);
  void owner_unreachable(std::uint64_t id, PeerName owner, const Error& error);
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
  [[nodiscard]] std::string why_no_space(AddressRange wanted) const;
  [[nodiscard]] Timer deadline_of(std::uint64_t id);

  Surroundings& surroundings_;
  const Parts parts_;
  const std::function<void()> settle_;
  std::uint64_t next_id_ = 1;
  std::vector<PendingPrime> primes_;
  std::vector<PendingClaim> claims_;
  std::vector<PendingAllocation> allocations_;
};

}  // namespace weft::ipam
