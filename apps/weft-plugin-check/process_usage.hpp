#pragma once
/// What this process holds.

#include <cstddef>

namespace weft::conformance {

/// Open descriptors.
[[nodiscard]] std::size_t count_descriptors();
/// Threads that run.
[[nodiscard]] std::size_t count_threads();
/// The same, once it is at most `expected` or a second has passed: a thread that was joined may be
/// listed for a moment.
[[nodiscard]] std::size_t settled_threads(std::size_t expected);
/// Bytes allocated and not freed. 0 where the allocator cannot tell: builds with sanitizers.
[[nodiscard]] std::size_t heap_bytes();

}  // namespace weft::conformance
