#pragma once
/// Container addresses.

#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/reply.hpp>

namespace weft {

/// Whoever holds addresses: a container id, or "weave:expose" for the bridge itself.
using AddressOwner = std::string;

/// One of the addresses that an allocation answers.
struct AllocatedAddress {
  net::Cidr address;      ///< its prefix length is the subnet's
  bool was_held = false;  ///< the owner had it before the call
  bool operator==(const AllocatedAddress&) const = default;
};

/// Hands out container addresses. The provider decides which families there are and how nodes share
/// the ranges. Control: call from any plugin loop; replies arrive on yours.
class Ipam {
 public:
  static constexpr std::string_view service = "weft.ipam/2";

  /// Gives `owner` one address in each of `subnets`, at most one subnet of each family; without
  /// any, one address in the default subnet of each family that the provider has. Answers them,
  /// IPv4 first. An address that the owner holds there is answered again: safe to retry. On disk
  /// before the reply. After an error the owner holds what it held before. A caller who fails later
  /// gives back what was not held, with release_addresses.
  /// Errors: Errc::invalid, a subnet outside the cluster's ranges, or several of one family;
  ///         Errc::timeout, no space within the provider's time limit, the context says why;
  ///         Errc::cancelled, released meanwhile.
  virtual void allocate(AddressOwner owner, std::vector<net::Cidr> subnets,
                        Reply<std::vector<AllocatedAddress>> reply) = 0;

  /// Records that `owner` already uses `address`. Errors: Errc::conflict, names the other owner;
  /// Errc::invalid, an address of a family that the provider does not have.
  virtual void claim(AddressOwner owner, net::Cidr address, Reply<> reply) = 0;

  /// Frees everything `owner` holds and cancels what it waits for. Succeeds when it holds nothing
  /// (CNI DEL must be idempotent).
  virtual void release(AddressOwner owner, Reply<> reply) = 0;

  /// Frees those of `addresses` that `owner` holds, and cancels everything it waits for. Succeeds
  /// when it holds none of them.
  virtual void release_addresses(AddressOwner owner, std::vector<net::IpAddress> addresses,
                                 Reply<> reply) = 0;

  /// What `owner` holds; may be empty.
  virtual void lookup(AddressOwner owner, Reply<std::vector<net::Cidr>> reply) = 0;

 protected:
  ~Ipam() = default;
};

}  // namespace weft
