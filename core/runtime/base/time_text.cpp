/// Writes a moment with its microseconds.

#include "runtime/base/time_text.hpp"

#include <chrono>

#include <fmt/chrono.h>

namespace weft {

std::string time_text(WallTime time) {
  const auto since_epoch = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(seconds.count()),
                     (since_epoch - seconds).count());
}

}  // namespace weft
