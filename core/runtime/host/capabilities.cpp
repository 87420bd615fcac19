/// Compares capabilities by their names.

#include "runtime/host/capabilities.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace weft::host {
namespace {

struct Capability {
  std::string_view name;
  unsigned bit;
};

/// What plugins of a network have use for.
constexpr std::array<Capability, 12> known{{{"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE},
                                            {"CAP_NET_BIND_SERVICE", CAP_NET_BIND_SERVICE},
                                            {"CAP_NET_ADMIN", CAP_NET_ADMIN},
                                            {"CAP_NET_RAW", CAP_NET_RAW},
                                            {"CAP_IPC_LOCK", CAP_IPC_LOCK},
                                            {"CAP_SYS_MODULE", CAP_SYS_MODULE},
                                            {"CAP_SYS_PTRACE", CAP_SYS_PTRACE},
                                            {"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
                                            {"CAP_SYS_NICE", CAP_SYS_NICE},
                                            {"CAP_SYS_RESOURCE", CAP_SYS_RESOURCE},
                                            {"CAP_PERFMON", CAP_PERFMON},
                                            {"CAP_BPF", CAP_BPF}}};

}  // namespace

std::uint64_t effective_capabilities() noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) {
    return ~std::uint64_t{0};
  }
  return sets[0].effective | std::uint64_t{sets[1].effective} << 32U;
}

std::vector<std::string> missing_capabilities(const std::vector<std::string>& needed,
                                              std::uint64_t effective) {
  std::vector<std::string> missing;
  for (const std::string& name : needed) {
    const auto found = std::ranges::find(known, name, &Capability::name);
    if (found != known.end() && (effective >> found->bit & 1U) == 0) {
      missing.push_back(name);
    }
  }
  return missing;
}

}  // namespace weft::host
