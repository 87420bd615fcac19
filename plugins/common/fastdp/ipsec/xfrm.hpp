#pragma once
/// The kernel's IPsec: security associations and the policies that demand them.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "keys.hpp"

namespace weft::ipsec {

/// Bit 17 of a packet's mark: the packet is a tunnel's. Policies select by it, as the vxlan driver
/// asks for a policy without naming its port. Source: weaveworks/weave net/ipsec/ipsec.go, the
/// mark.
inline constexpr std::uint32_t tunnel_mark = 0x20000;

/// Where packets come from and go to; both IPv4.
struct Direction {
  net::IpAddress source;
  net::IpAddress destination;

  auto operator<=>(const Direction&) const = default;
};

/// One security association, as the kernel finds it.
struct Association {
  Direction direction;
  std::uint32_t spi = 0;  ///< in host order, chosen by the destination

  auto operator<=>(const Association&) const = default;
};

/// Associations are ESP in transport mode with rfc4106(gcm(aes)), extended sequence numbers and a
/// replay window of 256, with Weave Net's parameters. They also put `tunnel_mark` on packets
/// they have processed: that is how decrypted packets are told from clear ones, and how
/// `associations` tells ours from other programs'. Synchronous; one thread. Source: Linux
/// net/xfrm/xfrm_user.c.
class Xfrm {
 public:
  /// In the network namespace of the calling thread. Errors: Errc::unsupported when the kernel
  /// lacks IPsec, ESP or the cipher, with the modules to load; EPERM without CAP_NET_ADMIN.
  [[nodiscard]] static Result<Xfrm> open();

  /// Reserves an SPI for the association that `set_inbound` completes; given up after 30 s.
  [[nodiscard]] Result<std::uint32_t> allocate_spi(const Direction& direction);
  [[nodiscard]] Result<> set_inbound(const Association& association, const SaKey& key);
  /// Errors: EEXIST when there is one with this SPI; it is left alone, because starting its
  /// sequence numbers again under one key would break the cipher.
  [[nodiscard]] Result<> add_outbound(const Association& association, const SaKey& key);
  /// Also succeeds when there is none.
  [[nodiscard]] Result<> remove(const Association& association);
  /// Whether a packet has passed through. Errors: ESRCH when there is no such association.
  [[nodiscard]] Result<bool> is_used(const Association& association);
  /// Every association of ours, in both directions, whoever made it.
  [[nodiscard]] Result<std::vector<Association>> associations();
  /// Every association that looks as Weave Net makes them: the parameters of ours, without the
  /// mark, and with no request id, which key daemons always give.
  [[nodiscard]] Result<std::vector<Association>> original_associations();

  /// Demands `association` for marked UDP packets of its direction, in place of another.
  [[nodiscard]] Result<> set_policy(const Association& association);
  /// What is demanded now; empty when nothing is.
  [[nodiscard]] Result<std::optional<Association>> policy(const Direction& direction);
  /// Also succeeds when there is none.
  [[nodiscard]] Result<> remove_policy(const Direction& direction);
  /// Every policy that selects by `tunnel_mark`, whoever made it.
  [[nodiscard]] Result<std::vector<Association>> policies();

 private:
  explicit Xfrm(nl::Socket socket) : socket_(std::move(socket)) {}

  /// Makes and removes an association, so that the kernel loads what that needs.
  [[nodiscard]] Result<> probe();
  [[nodiscard]] Result<std::vector<Association>> list_associations(
      const std::function<bool(const nlmsghdr&)>& is_wanted);

  nl::Socket socket_;
};

}  // namespace weft::ipsec
