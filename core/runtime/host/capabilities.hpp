#pragma once
/// What this process may do beyond any other: Linux capabilities.

#include <cstdint>
#include <string>
#include <vector>

#include <weft/export.hpp>

namespace weft::host {

/// The calling thread's effective capabilities, one bit each. All of them where the kernel does not
/// tell. Source: Linux include/uapi/linux/capability.h.
[[nodiscard]] std::uint64_t effective_capabilities() noexcept;

/// Those of `needed` ("CAP_NET_ADMIN") that `effective` has not. Unknown names are left out.
[[nodiscard]] WEFT_EXPORT std::vector<std::string> missing_capabilities(
    const std::vector<std::string>& needed, std::uint64_t effective);

}  // namespace weft::host
