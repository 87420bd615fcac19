#pragma once
/// The veth pair between a pod and the bridge.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "common/attachment/attachment.hpp"
#include "common/attachment/port.hpp"
#include "environment.hpp"
#include "network_config.hpp"

namespace weft::cni {

/// What became of an attachment.
struct Attached {
  net::Mac bridge_mac;
  std::string host_name;
  net::Mac host_mac;
  net::Mac pod_mac;
};

/// How the pod's interface should be.
struct Attachment {
  std::string bridge;
  std::uint32_t mtu = 0;
  bool hairpin = true;
  std::vector<net::Cidr> addresses;
  std::vector<PodRoute> routes;  ///< without gateway: the destination is on the link
  /// Called with the host's end and the pod's MAC before anything can come by them. An error ends
  /// the attachment.
  std::function<Result<>(const std::string& port, const net::Mac& mac)> before_up;
  /// Called when everything is as it should be. An error ends the attachment.
  std::function<Result<>(const Attached&)> when_attached;
};

/// The addresses that the attachment holds. Asked only when something has an address.
using HeldAddresses = std::function<std::vector<net::IpAddress>()>;

/// One interface of one pod, in both namespaces. Errors are the kernel's.
class PodInterface {
 public:
  /// Opens the pod's namespace. Errors: ENOENT when it is gone; Errc::invalid when it is the
  /// host's.
  [[nodiscard]] static Result<PodInterface> open(const Invocation& invocation);

  /// Whether the pod has the interface, as an earlier ADD for this attachment left it.
  /// Errors: Errc::conflict when the name in the pod or that of the port belongs to something else,
  /// and when the attachment lives in another namespace.
  [[nodiscard]] Result<bool> exists();

  /// Makes everything as it should be, whatever part is there already. An interface that this call
  /// created is removed again when anything fails. Errors: those of `exists`, too.
  [[nodiscard]] Result<Attached> attach(const Attachment& wanted);

  /// Removes what is this attachment's, and nothing else that has its name. Succeeds when there is
  /// nothing to remove. Answers why an interface with one of its addresses stays; empty: none does.
  [[nodiscard]] Result<std::string> detach(const HeldAddresses& held);

  /// What is there. Errors: the first difference from what should be. `mac`: as ADD answered, if it
  /// did.
  [[nodiscard]] Result<Attached> check(const Attachment& wanted,
                                       const std::optional<net::Mac>& mac);

 private:
  /// A descriptor of the pod's namespace.
  class NamespaceFile {
   public:
    explicit NamespaceFile(const std::string& path);
    NamespaceFile(NamespaceFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    NamespaceFile& operator=(NamespaceFile&&) = delete;
    ~NamespaceFile();
    [[nodiscard]] int get() const noexcept { return fd_; }

   private:
    int fd_;  // -1: none
  };

  PodInterface(const Invocation& invocation, NamespaceFile file, nl::Socket host, nl::Socket pod);

  [[nodiscard]] Result<net::Mac> mac();
  [[nodiscard]] Result<Attached> attached(const Attachment& wanted);
  [[nodiscard]] Result<std::optional<Port>> port_of(const nl::Link& pod);
  [[nodiscard]] Result<bool> is_here(const Port& port);
  [[nodiscard]] Result<bool> lives_elsewhere(const Port& port);
  [[nodiscard]] bool is_ours(const Port& port) const;
  [[nodiscard]] Result<> expect_free_name();
  [[nodiscard]] Result<> expect_no_old_port(const std::vector<net::Cidr>& addresses);
  [[nodiscard]] Result<> attached_elsewhere(const std::string& port) const;
  [[nodiscard]] Result<> remove_leftovers();
  [[nodiscard]] Result<> remove_unnamed();
  [[nodiscard]] Result<> create(std::uint32_t mtu);
  [[nodiscard]] Result<> connect_host_end(const Attachment& wanted, int bridge);
  [[nodiscard]] Result<> set_up_pod_end(const Attachment& wanted);
  [[nodiscard]] Result<> add_addresses(const Attachment& wanted, int link);
  [[nodiscard]] Result<> add_routes(const Attachment& wanted, int link);
  [[nodiscard]] Result<Attached> finish(const Attachment& wanted);
  [[nodiscard]] Result<> check_pod_end(const Attachment& wanted,
                                       const std::optional<net::Mac>& mac);
  [[nodiscard]] Result<> check_host_end(const Attachment& wanted);

  std::string interface_;
  std::string netns_;
  std::string alias_;
  VethNames names_;
  VethNames old_names_;
  NamespaceFile file_;
  nl::Socket host_;
  nl::Socket pod_;
  std::optional<Port> port_;  // the host's end, once it was found or created
};

/// For a DEL whose namespace is gone: removes the host's end, which the kernel may not have got to,
/// or which something that outlived the pod keeps. Nothing of another attachment. Answers as
/// PodInterface::detach.
[[nodiscard]] Result<std::string> remove_port(const Invocation& invocation,
                                              const HeldAddresses& held);

}  // namespace weft::cni
