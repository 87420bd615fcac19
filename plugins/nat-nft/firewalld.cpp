/// Asks firewall-cmd.

#include "firewalld.hpp"

#include <fmt/core.h>

#include "common/process/run.hpp"

namespace weft::nat {

Result<bool> trust_in_firewalld(const std::string& bridge) {
  process::Finished zone;
  WEFT_TRY(zone, process::run({"firewall-cmd", "--get-zone-of-interface=" + bridge}));
  if (zone.is_good()) {
    return false;
  }
  process::Finished added;
  WEFT_TRY(added, process::run({"firewall-cmd", "--zone=trusted", "--change-interface=" + bridge}));
  if (!added.is_good()) {
    return fail(Errc::unsupported,
                fmt::format("put '{}' into firewalld's zone 'trusted': {}", bridge, added.errors));
  }
  return true;
}

}  // namespace weft::nat
