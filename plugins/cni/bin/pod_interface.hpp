#pragma once
/// The veth pair between a pod and the bridge.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "environment.hpp"
#include "network_config.hpp"

namespace weft::cni {

/// How the pod's interface should be.
struct Attachment {
  std::string bridge;
  std::uint32_t mtu = 0;
  bool hairpin = true;
  net::Cidr address;
  std::vector<PodRoute> routes;  ///< without gateway: the destination is on the link
  /// Called with the host's end and the pod's MAC before anything can come by them. An error ends
  /// the attachment.
  std::function<Result<>(const std::string& port, const net::Mac& mac)> before_up;
};

/// What became of it.
struct Attached {
  net::Mac bridge_mac;
  std::string host_name;
  net::Mac host_mac;
  net::Mac pod_mac;
};

/// One interface of one pod, in both namespaces. Errors are the kernel's.
class PodInterface {
 public:
  /// Opens the pod's namespace. Errors: ENOENT when it is gone; Errc::invalid when it is the
  /// host's.
  [[nodiscard]] static Result<PodInterface> open(const Invocation& invocation);

  /// Whether the pod has the interface, as an earlier ADD for this container left it.
  /// Errors: Errc::conflict when the name belongs to something else.
  [[nodiscard]] Result<bool> exists();

  /// Makes everything as it should be, whatever part is there already. An interface that this call
  /// created is removed again when anything fails.
  [[nodiscard]] Result<Attached> attach(const Attachment& wanted);

  /// Succeeds when there is nothing to remove.
  [[nodiscard]] Result<> detach();

  /// The first difference from what should be, as an error. `mac`: as ADD answered, if it did.
  [[nodiscard]] Result<> check(const Attachment& wanted, const std::optional<net::Mac>& mac);

  /// The host's end, as it is or will be called.
  [[nodiscard]] const std::string& port() const noexcept { return names_.host; }
  /// Of the pod's end. Errors: ENODEV when there is none.
  [[nodiscard]] Result<net::Mac> mac();

 private:
  PodInterface(const Invocation& invocation, nl::Socket host, nl::Socket pod)
      : interface_(invocation.interface),
        netns_(invocation.netns),
        names_(veth_names(invocation.container_id)),
        host_(std::move(host)),
        pod_(std::move(pod)) {}

  [[nodiscard]] Result<> remove_leftover();
  [[nodiscard]] Result<> create(std::uint32_t mtu);
  [[nodiscard]] Result<> connect_host_end(const Attachment& wanted, int bridge);
  [[nodiscard]] Result<> set_up_pod_end(const Attachment& wanted);
  [[nodiscard]] Result<> add_routes(const Attachment& wanted, int link);
  [[nodiscard]] Result<Attached> finish(const Attachment& wanted);
  [[nodiscard]] Result<> check_pod_end(const Attachment& wanted,
                                       const std::optional<net::Mac>& mac);
  [[nodiscard]] Result<> check_host_end(const Attachment& wanted);

  std::string interface_;
  std::string netns_;
  VethNames names_;
  nl::Socket host_;
  nl::Socket pod_;
};

/// For a DEL whose namespace is gone: removes the host end, which the kernel may not have got to.
[[nodiscard]] Result<> remove_host_end(const std::string& container_id);

}  // namespace weft::cni
