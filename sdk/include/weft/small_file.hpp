#pragma once
/// Reading files that are small, or ought to be.

#include <cstddef>
#include <string>

#include <tl/expected.hpp>

#include <weft/export.hpp>
#include <weft/unique_fd.hpp>

namespace weft {

/// Whether `file` is open and a regular file: no directory, device, socket or pipe.
[[nodiscard]] WEFT_EXPORT bool is_regular(const UniqueFd& file) noexcept;

/// Reads `file` to its end. Blocks. Errors: the errno; EFBIG when it holds more than `limit` bytes.
[[nodiscard]] WEFT_EXPORT tl::expected<std::string, int> read_all(const UniqueFd& file,
                                                                  std::size_t limit);

}  // namespace weft
