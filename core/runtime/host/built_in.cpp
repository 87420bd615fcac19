/// Lists the interfaces that no plugin needs to provide.

#include "runtime/host/built_in.hpp"

#include <weft/service/metrics.hpp>
#include <weft/service/store.hpp>

namespace weft::host {

std::vector<std::string_view> interfaces_of(const BuiltInParts& parts) {
  std::vector<std::string_view> interfaces{Store::service, MetricsReader::service};
  for (const BuiltInPart& part : parts) {
    interfaces.insert(interfaces.end(), part.interfaces.begin(), part.interfaces.end());
  }
  return interfaces;
}

}  // namespace weft::host
