#pragma once
/// Container addresses.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/reply.hpp>

namespace weft {

/// Whoever holds addresses: a container id, or "weave:expose" for the bridge itself.
using AddressOwner = std::string;

/// Hands out container addresses. Control: call from any plugin loop; replies arrive on yours.
class Ipam {
 public:
  static constexpr std::string_view service = "weft.ipam/1";

  /// Claims one address for `owner` in `subnet` (absent: the default subnet), or answers the one
  /// it already holds: safe to retry. The prefix length is the subnet's. On disk before the reply.
  /// Errors: Errc::invalid, subnet outside the cluster's range; Errc::timeout, no space within
  ///         `ipam.allocate-timeout`, the context says why; Errc::cancelled, released meanwhile.
  virtual void allocate(AddressOwner owner, std::optional<net::Cidr> subnet,
                        Reply<net::Cidr> reply) = 0;

  /// Records that `owner` already uses `address`. Errors: Errc::conflict, names the other owner.
  virtual void claim(AddressOwner owner, net::Cidr address, Reply<> reply) = 0;

  /// Frees everything `owner` holds and cancels what it waits for. Succeeds when it holds nothing
  /// (CNI DEL must be idempotent).
  virtual void release(AddressOwner owner, Reply<> reply) = 0;

  /// What `owner` holds; may be empty.
  virtual void lookup(AddressOwner owner, Reply<std::vector<net::Cidr>> reply) = 0;

  /// Takes over the ranges of a peer that is gone for good; answers the number of addresses.
  /// Errors: Errc::not_found; Errc::denied for this node itself.
  virtual void take_over(PeerName peer, Reply<std::uint64_t> reply) = 0;

 protected:
  ~Ipam() = default;
};

}  // namespace weft
