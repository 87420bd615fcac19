#pragma once
/// Which name this peer bears when the operator gave none.

#include <optional>
#include <string>
#include <string_view>

#include <weft/net/mac.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

namespace weft::host {

/// The raw contents of the files that identify the machine, final newlines included; absent when
/// the file does not exist.
struct MachineIds {
  std::optional<std::string> machine_id;   ///< /etc/machine-id
  std::optional<std::string> system_uuid;  ///< /sys/class/dmi/id/product_uuid
};

/// The same name on every start of the same machine: a hash of its ids, as a locally administered
/// unicast MAC. Pure. Source: weaveworks/weave net/uuid.go and common/utils.go.
[[nodiscard]] WEFT_EXPORT PeerName derive_peer_name(std::string_view machine_id,
                                                    std::string_view system_uuid) noexcept;

/// From the ids: Errc::invalid when they exist but are blank (a cloned image would give every node
/// the same name); Errc::not_found when there are none.
[[nodiscard]] WEFT_EXPORT Result<PeerName> peer_name_of(const MachineIds& ids);

/// The MAC of interface `name` in this network namespace, when there is such an interface.
[[nodiscard]] WEFT_EXPORT std::optional<net::Mac> interface_mac(const std::string& name);

/// The MAC of an existing `weave` bridge, else derived from the machine's ids, else a random name
/// kept in `state_directory`/peer-name. Blocks for small files.
[[nodiscard]] WEFT_EXPORT Result<PeerName> determine_peer_name(const std::string& state_directory);

}  // namespace weft::host
