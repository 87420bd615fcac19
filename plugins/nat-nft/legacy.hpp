#pragma once
/// iptables-legacy, whose tables nftables does not show and which tells nobody of changes.

#include <string>
#include <string_view>
#include <vector>

#include <weft/result.hpp>

#include "accepts.hpp"
#include "common/firewall/rules.hpp"

namespace weft::nat {

/// What is there of it.
struct Legacy {
  std::vector<firewall::Table> tables;
  /// Why what is in the kernel cannot be read: the tools are not installed.
  std::string unreadable;
};

/// Whether the kernel has tables of iptables-legacy for the calling thread's network namespace.
[[nodiscard]] bool has_legacy_tables();

/// What turns `saved` (of iptables-legacy-save) into a FORWARD with `placement` on top, for
/// iptables-legacy-restore --noflush; empty when it is so already.
[[nodiscard]] std::string legacy_change(std::string_view saved, const Placement& placement,
                                        const std::string& bridge);

/// Reads the tables, and keeps accepts on top of FORWARD or DOCKER-USER as they are needed.
/// `changed`: whether it had to. Runs programs: for threads that may block. Errors: those of the
/// programs.
[[nodiscard]] Result<Legacy> keep_legacy(const Scene& scene, bool& changed);

}  // namespace weft::nat
