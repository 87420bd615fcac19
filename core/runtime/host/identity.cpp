/// Finds the peer name of this machine, the way Weave Net does, so that a node keeps its name.

#include "runtime/host/identity.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

#include <fmt/core.h>

#include <weft/small_file.hpp>
#include <weft/unique_fd.hpp>

namespace weft::host {
namespace {

constexpr std::size_t max_id_bytes = 4096;

/// Locally administered, unicast. Source: weaveworks/weave net/mac.go, setUnicastAndLocal.
PeerName as_local_unicast(std::array<std::byte, peer_name_bytes> octets) noexcept {
  octets[0] = (octets[0] & std::byte{0xFE}) | std::byte{0x02};
  return load_peer_name(octets.data());
}

/// The content of the first of `paths` that exists. Errors: any errno but ENOENT.
Result<std::optional<std::string>> read_first(std::initializer_list<const char*> paths) {
  for (const char* const path : paths) {
    const UniqueFd file{open(path, O_RDONLY | O_CLOEXEC)};
    if (!file && errno == ENOENT) {
      continue;
    }
    const auto text = file ? read_all(file, max_id_bytes) : tl::unexpected(errno);
    if (!text) {
      return fail(text.error(), fmt::format("read '{}' for this peer's name; set host.name", path));
    }
    return *text;
  }
  return std::optional<std::string>();
}

/// What `peer-name` holds: the name, and on a second line what was derived from the machine's ids.
struct KeptName {
  PeerName name{};
  std::optional<PeerName> machine;
  bool operator==(const KeptName&) const = default;
};

constexpr std::string_view machine_label = "machine ";

std::string path_in(const std::string& state_directory) {
  return state_directory + "/peer-name";
}

std::optional<KeptName> parse_kept(std::string_view text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto name = parse_peer_name(text.substr(0, end));
  if (!name || *name == unknown_peer) {
    return std::nullopt;
  }
  KeptName kept{*name, {}};
  text.remove_prefix(std::min(end + 1, text.size()));
  if (text.starts_with(machine_label)) {
    text.remove_prefix(machine_label.size());
    if (const auto machine = parse_peer_name(text.substr(0, text.find('\n')))) {
      kept.machine = *machine;
    }
  }
  return kept;
}

/// Empty when there is none, or none that can be used, which is warned of.
std::optional<KeptName> read_kept(const std::string& state_directory,
                                  std::vector<std::string>& warnings) {
  const std::string path = path_in(state_directory);
  const UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file && errno == ENOENT) {
    return std::nullopt;
  }
  const auto text = file ? read_all(file, max_id_bytes) : tl::unexpected(errno);
  auto kept = text ? parse_kept(*text) : std::nullopt;
  if (!kept) {
    warnings.push_back(
        fmt::format("the name that this node kept in '{}' cannot be read ({})", path,
                    text ? "it is no peer's name" : std::generic_category().message(text.error())));
  }
  return kept;
}

Result<> write_kept(const std::string& state_directory, const KeptName& kept) {
  std::error_code error;
  std::filesystem::create_directories(state_directory, error);
  const std::string path = path_in(state_directory);
  const std::string fresh = path + ".new";
  std::string text = to_string(kept.name) + '\n';
  if (kept.machine) {
    text += fmt::format("{}{}\n", machine_label, to_string(*kept.machine));
  }
  const UniqueFd file{
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(file.get()) != 0 || rename(fresh.c_str(), path.c_str()) != 0) {
    const int code = errno;
    unlink(fresh.c_str());
    return fail(code, fmt::format("keep this peer's name in '{}'", path));
  }
  return {};
}

PeerName random_name() {
  std::array<std::byte, peer_name_bytes> octets{};
  randombytes_buf(octets.data(), octets.size());
  return as_local_unicast(octets);
}

std::optional<PeerName> machine_of(const NameEvidence& evidence) {
  const auto name =
      evidence.ids ? peer_name_of(*evidence.ids) : tl::unexpected(evidence.ids.error());
  return name ? std::optional(*name) : std::nullopt;
}

/// What speaks against a name that was kept.
void doubt(const KeptName& kept, const NameEvidence& evidence, const std::string& path,
           std::vector<std::string>& warnings) {
  if (evidence.bridge && PeerName{evidence.bridge->value()} != kept.name) {
    warnings.push_back(
        fmt::format("bridge '{}' has the MAC {}, but this node stays the peer {} as kept in '{}'",
                    evidence.bridge_name, to_string(*evidence.bridge), to_string(kept.name), path));
  }
  const auto machine = machine_of(evidence);
  if (machine && kept.machine && *machine != *kept.machine) {
    warnings.push_back(fmt::format(
        "this node stays the peer {} as kept in '{}', but that was written on a machine with other "
        "ids; if that machine still runs, stop this node and empty its state directory",
        to_string(kept.name), path));
  }
}

}  // namespace

PeerName derive_peer_name(std::string_view machine_id, std::string_view system_uuid) noexcept {
  constexpr std::string_view salt = "9oBJ0Jmip-";  // Source: net/mac.go, MACfromUUID
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (const std::string_view part : {salt, machine_id, system_uuid}) {
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                              part.size());
  }
  std::array<std::byte, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256_final(&state, reinterpret_cast<unsigned char*>(hash.data()));
  std::array<std::byte, peer_name_bytes> octets{};
  std::copy_n(hash.begin(), octets.size(), octets.begin());
  return as_local_unicast(octets);
}

Result<PeerName> peer_name_of(const MachineIds& ids) {
  if (!ids.machine_id && !ids.system_uuid) {
    return fail(Errc::not_found, "find any id of this machine");
  }
  const std::string machine_id = ids.machine_id.value_or("");
  const std::string system_uuid = ids.system_uuid.value_or("");
  if (machine_id.empty() && system_uuid.empty()) {
    return fail(Errc::invalid,
                "derive this peer's name: all ids of this machine are blank; set host.name");
  }
  return derive_peer_name(machine_id, system_uuid);
}

std::optional<net::Mac> interface_mac(const std::string& name) {
  // An ioctl, not /sys: a mounted sysfs may show another network namespace.
  const UniqueFd socket_{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (!socket_ || ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0) {
    return std::nullopt;
  }
  return net::Mac::load(reinterpret_cast<const std::byte*>(request.ifr_hwaddr.sa_data));
}

Result<PeerIdentity> identify_peer(const std::string& state_directory, PeerName configured,
                                   const NameEvidence& evidence) {
  PeerIdentity identity;
  const auto before = read_kept(state_directory, identity.warnings);
  identity.was_kept = before.has_value();
  bool is_random = false;
  if (configured != unknown_peer) {
    identity.name = configured;
  } else if (before) {
    identity.name = before->name;
    doubt(*before, evidence, path_in(state_directory), identity.warnings);
  } else if (evidence.bridge) {
    identity.name = PeerName{evidence.bridge->value()};
  } else if (!evidence.ids) {
    return tl::unexpected(evidence.ids.error());
  } else if (const auto derived = peer_name_of(*evidence.ids)) {
    identity.name = *derived;
  } else if (derived.error().code == Errc::not_found) {
    identity.name = random_name();
    is_random = true;
  } else {
    return tl::unexpected(derived.error());
  }

  const KeptName kept{identity.name, machine_of(evidence)};
  if (before != kept) {
    if (const auto written = write_kept(state_directory, kept); !written) {
      if (is_random) {
        return tl::unexpected(written.error());
      }
      identity.warnings.push_back(written.error().message());
    }
  }
  return identity;
}

void forget_peer(const std::string& state_directory) noexcept {
  unlink(path_in(state_directory).c_str());
}

NameEvidence find_name_evidence(const std::string& bridge) {
  const auto ids = []() -> Result<MachineIds> {
    MachineIds found;
    WEFT_TRY(found.machine_id, read_first({"/etc/machine-id", "/var/lib/dbus/machine-id"}));
    WEFT_TRY(found.system_uuid,
             read_first({"/sys/class/dmi/id/product_uuid", "/sys/hypervisor/uuid"}));
    return found;
  };
  return {interface_mac(bridge), ids(), bridge};
}

}  // namespace weft::host
