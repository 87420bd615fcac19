/// Has a static constructor that throws.

#include <stdexcept>

#include "animal.hpp"

namespace {

[[gnu::constructor]] void wake_up_badly() {
  throw std::runtime_error("no morning");
}

}  // namespace

WEFT_PLUGIN(weft::zoo::Animal)
