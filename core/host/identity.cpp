/// Finds the peer name of this machine, the way the original does, so that a node keeps its name.

#include "host/identity.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <filesystem>

#include <fmt/core.h>

#include "config/file_descriptor.hpp"

namespace weft::host {
namespace {

using config::FileDescriptor;

constexpr const char* bridge_name = "weave";
constexpr std::size_t max_id_bytes = 4096;

/// Locally administered, unicast. Source: weaveworks/weave net/mac.go, setUnicastAndLocal.
PeerName as_local_unicast(std::array<std::byte, peer_name_bytes> octets) noexcept {
  octets[0] = (octets[0] & std::byte{0xFE}) | std::byte{0x02};
  return load_peer_name(octets.data());
}

/// The content of the first of `paths` that exists. Errors: any errno but ENOENT.
Result<std::optional<std::string>> read_first(std::initializer_list<const char*> paths) {
  for (const char* const path : paths) {
    const FileDescriptor file{open(path, O_RDONLY | O_CLOEXEC)};
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

/// A name made up once and then kept.
Result<PeerName> kept_random_name(const std::string& state_directory) {
  const std::string path = state_directory + "/peer-name";
  const FileDescriptor known{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (known) {
    const auto text = read_all(known, max_id_bytes);
    if (!text) {
      return fail(text.error(), fmt::format("read '{}'", path));
    }
    return parse_peer_name(text->substr(0, text->find('\n')));
  }
  std::array<std::byte, peer_name_bytes> octets{};
  randombytes_buf(octets.data(), octets.size());
  const PeerName name = as_local_unicast(octets);

  std::error_code error;
  std::filesystem::create_directories(state_directory, error);
  const std::string fresh = path + ".new";
  const FileDescriptor file{
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  const std::string text = to_string(name) + '\n';
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(file.get()) != 0 || rename(fresh.c_str(), path.c_str()) != 0) {
    return fail(errno, fmt::format("keep this peer's name in '{}'", path));
  }
  return name;
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
  const FileDescriptor socket_{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (!socket_ || ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0) {
    return std::nullopt;
  }
  return net::Mac::load(reinterpret_cast<const std::byte*>(request.ifr_hwaddr.sa_data));
}

Result<PeerName> determine_peer_name(const std::string& state_directory) {
  if (const auto mac = interface_mac(bridge_name)) {
    return PeerName{mac->value()};
  }
  MachineIds ids;
  WEFT_TRY(ids.machine_id, read_first({"/etc/machine-id", "/var/lib/dbus/machine-id"}));
  WEFT_TRY(ids.system_uuid, read_first({"/sys/class/dmi/id/product_uuid", "/sys/hypervisor/uuid"}));
  auto name = peer_name_of(ids);
  return !name && name.error().code == Errc::not_found ? kept_random_name(state_directory)
                                                       : std::move(name);
}

}  // namespace weft::host
