/// The product's version, as the build states it.

#include "runtime/host/version.hpp"

namespace weft::host {

std::string_view product_version() noexcept {
  return WEFT_VERSION;
}

}  // namespace weft::host
