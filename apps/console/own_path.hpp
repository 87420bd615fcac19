#pragma once
/// Where the running program lies: what belongs to it is beside it, in a build and in an
/// installation.

#include <filesystem>

#include <weft/result.hpp>

namespace weft::console {

/// The file of the running program, links followed. Errors: the errno of reading /proc/self/exe.
[[nodiscard]] Result<std::filesystem::path> own_path();

}  // namespace weft::console
