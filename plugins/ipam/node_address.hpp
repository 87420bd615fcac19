#pragma once
/// The node's own presence among the pods: the addresses of the bridge, which IPAM holds for the
/// owner "weave:expose".

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>
#include <weft/service/bridge.hpp>

#include "allocator.hpp"

namespace weft::ipam {

/// Under which the bridge itself holds addresses. Source: weaveworks/weave plugin/net/cni.go.
inline constexpr std::string_view bridge_owner = "weave:expose";

/// Keeps IPAM and the bridge in agreement: what one has, the other gets. The bridge itself puts
/// back what others take off it. On the plugin's loop, which is drained before this is destroyed.
class NodeAddress {
 public:
  struct Wishes {
    bool is_wanted = true;  ///< take an address in `subnet` without being asked
    net::Cidr universe;     ///< the cluster's range
    net::Cidr subnet;       ///< where the node's address is from
  };

  NodeAddress(Loop& loop, Log& log) : loop_(loop), log_(log) {}

  /// Once, when the allocator has started. `on_bridge` is claimed at once.
  void start(Allocator& allocator, Wishes wishes, const std::vector<net::Cidr>& on_bridge);
  void stop() noexcept;
  /// Null: there is none for now.
  void use(BridgeV2* bridge);
  /// The bridge's addresses after a change: claims what others gave it, frees what they took back.
  void bridge_has(const std::vector<net::Cidr>& addresses);

  /// Claims `address` or allocates one in `subnet` and gives it to the bridge; answers it. Errors:
  /// those of Allocator::claim and allocate; Errc::unsupported without a bridge; the kernel's.
  void expose(std::optional<net::Cidr> address, std::optional<net::Cidr> subnet, bool masquerade,
              Answer<net::Cidr> answer);
  /// Takes `address`, or all, off the bridge and frees them; answers which. Errors:
  /// Errc::not_found; as above.
  void hide(std::optional<net::IpAddress> address, Answer<std::vector<net::Cidr>> answer);
  /// Whether IPAM may free `address`, or all that the bridge's owner holds. Errors: Errc::conflict
  /// while the bridge has one of them.
  void may_free(std::optional<net::IpAddress> address, Answer<> answer);

  /// Addresses of the bridge that others hold, for `weft status`.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct Hiding;

  void compare();
  void agree(const std::vector<net::Cidr>& on_bridge);
  void claim_missing(const std::vector<net::Cidr>& on_bridge);
  void claimed(const net::Cidr& address, const Result<>& result);
  void free_lent(const std::vector<net::Cidr>& on_bridge);
  void want_address(const std::vector<net::Cidr>& on_bridge);
  void restore(const net::Cidr& address);
  void put_on_bridge(const Result<AllocatedAddress>& ours, bool masquerade,
                     Answer<net::Cidr> answer);
  void hide_next(std::shared_ptr<Hiding> hiding);
  void free_hidden(const std::shared_ptr<Hiding>& hiding);

  Loop& loop_;
  Log& log_;
  Allocator* allocator_ = nullptr;  // null unless started
  BridgeV2* bridge_ = nullptr;      // null while there is none
  Wishes wishes_;
  bool is_asking_ = false;      // for the node's address
  bool is_new_bridge_ = false;  // it has not been told yet which of its addresses are its own
  std::set<net::Cidr> claiming_;
  std::set<net::Cidr> lent_;                    // by other programs while this one runs
  std::map<net::Cidr, std::string> conflicts_;  // why an address of the bridge is not its own
  bool has_failed_ = false;                     // since the last success; said once
  Timer retry_;
};

}  // namespace weft::ipam
