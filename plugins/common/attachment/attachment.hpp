#pragma once
/// What identifies a pod's interface, and the names that follow from it. weft-cni and plugins of
/// the daemon compile this; pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::cni {

/// How the names of pods' ports on the bridge begin. Source: weaveworks/weave net/veth.go.
inline constexpr std::string_view pod_port_prefix = "vethwepl";

/// What a pod's interface must carry, bytes: overlays accept no less.
inline constexpr std::uint32_t smallest_pod_mtu = 552;

/// One interface of one container. The CNI specification 1.1.0 identifies an attachment by exactly
/// these two.
struct AttachmentId {
  std::string container_id;
  std::string interface;  ///< as the pod calls it: "eth0"
  bool operator==(const AttachmentId&) const = default;
};

/// The rule of the CNI specification: a letter or digit, then also '_', '.' and '-'; at most 256.
[[nodiscard]] bool is_container_id(std::string_view text) noexcept;

/// What the kernel takes for a name and does not change.
/// Source: Linux net/core/dev.c, dev_valid_name; __dev_alloc_name, which puts a number for '%'.
[[nodiscard]] bool is_interface_name(std::string_view name) noexcept;

/// Who holds the attachment's addresses in IPAM: the container's id for eth0, as Weave Net has it,
/// and "ID/INTERFACE" for every other interface. Also for an id that reads as an IP address, under
/// which IPAM files addresses without an owner. No two attachments have the same.
[[nodiscard]] std::string address_owner(const AttachmentId& attachment);

/// What the host's end carries as its alias (IFLA_IFALIAS): whose it is, in full.
/// At most 255 octets.
[[nodiscard]] std::string port_alias(const AttachmentId& attachment);

/// Whether `alias` says whose a port is. Any other text is somebody's note.
[[nodiscard]] bool is_port_alias(std::string_view alias) noexcept;
/// Whose a port with that alias is. Empty for any other text, and for an identity that is too long
/// for an alias.
[[nodiscard]] std::optional<AttachmentId> attachment_of(std::string_view alias);

/// The names of a veth pair in the making: on the host, and in the pod until it is renamed. Both
/// hash the whole identity, so ids that begin alike have names of their own. 15 octets.
struct VethNames {
  std::string host;
  std::string pod;
  bool operator==(const VethNames&) const = default;
};
[[nodiscard]] VethNames veth_names(const AttachmentId& attachment);

/// The same, as Weave Net and weft 0.1 made them of the container's id alone. At most 15 octets.
/// Source: weaveworks/weave plugin/net/cni.go, net/veth.go.
[[nodiscard]] VethNames old_veth_names(std::string_view container_id);

}  // namespace weft::cni
