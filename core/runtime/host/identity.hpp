#pragma once
/// Which name this peer bears when the operator gave none.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// What there is to tell a name from, besides what is kept.
struct NameEvidence {
  std::optional<net::Mac> bridge;  ///< of an existing bridge of pods, whose MAC was its peer's name
  Result<MachineIds> ids;
  std::string bridge_name = {};
};

struct PeerIdentity {
  PeerName name{};
  bool was_kept = false;              ///< an earlier run bore a name
  std::vector<std::string> warnings;  ///< for the operator, one sentence each
};

/// The name in `state_directory`/peer-name, so that a node is the same peer whatever becomes of its
/// bridge and its machine's ids; else the bridge's MAC, else derived from the ids, else random. The
/// file is written when it is not there or says something else. With `configured`, that name wins
/// and is kept. Blocks for small files. Errors: of peer_name_of and of reading the ids when nothing
/// else names the node; the errno when a random name cannot be kept.
[[nodiscard]] WEFT_EXPORT Result<PeerIdentity> identify_peer(const std::string& state_directory,
                                                             PeerName configured,
                                                             const NameEvidence& evidence);

/// Takes back a name that was kept for a node which then did not start: no earlier run bore it.
WEFT_EXPORT void forget_peer(const std::string& state_directory) noexcept;

/// What this machine shows now. `bridge`: the name of the one that pods attach to.
[[nodiscard]] WEFT_EXPORT NameEvidence find_name_evidence(const std::string& bridge);

}  // namespace weft::host
