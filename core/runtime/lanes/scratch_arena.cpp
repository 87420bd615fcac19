/// Memory that goes back to the kernel.

#include "runtime/lanes/scratch_arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace weft {

/// Only whole pages of its own: what lies beside them belongs to others.
void ScratchArena::Supply::release() noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(memory_.get());
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t end = (begin + touched_bytes()) / page * page;
  if (first < end) {
    ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
  }
  touched_ = 0;
}

}  // namespace weft
