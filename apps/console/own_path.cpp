/// Asks the kernel for the running program's file.

#include "own_path.hpp"

#include <system_error>

namespace weft::console {

Result<std::filesystem::path> own_path() {
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return fail(error.value(), "read /proc/self/exe");
  }
  return path;
}

}  // namespace weft::console
