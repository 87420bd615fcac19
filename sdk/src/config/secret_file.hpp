#pragma once
/// Secrets come from files that only their owner can read.

#include <string>

#include <weft/config.hpp>

namespace weft::config {

/// Reads the secret in `path`. Blocks for one small file.
/// Errors: the errno of open or read; Errc::denied when others may read or change it, or it
/// belongs to neither us nor root; Errc::invalid when it is no regular file, empty or too large.
[[nodiscard]] WEFT_EXPORT Result<Secret> read_secret_file(const std::string& path);

}  // namespace weft::config
