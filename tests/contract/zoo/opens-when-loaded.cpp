/// Has a static constructor that opens a file: the one that the environment names, if any.

#include <fcntl.h>

#include <cstdlib>

#include "animal.hpp"

namespace {

[[gnu::constructor]] void open_early() {
  const char* const named = std::getenv("WEFT_ZOO_FILE");
  static_cast<void>(
      !open(named == nullptr ? "/dev/null" : named, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

}  // namespace

WEFT_PLUGIN(weft::zoo::Animal)
