/// Any octets as what a container runtime, or another plugin, hands to weft-cni.

#include <cstddef>
#include <cstdint>

#include "network_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = weft::as_text(std::as_bytes(std::span{data, size}));
  if (const auto config = weft::cni::parse_config(text)) {
    if (config->previous) {
      static_cast<void>(weft::cni::format_result(*config->previous, config->version));
    }
  }
  if (const auto result = weft::cni::parse_result(text)) {
    for (const std::string_view version : weft::cni::supported_versions) {
      static_cast<void>(weft::cni::format_result(*result, version));
    }
  }
  static_cast<void>(weft::cni::removal_config(text));
  static_cast<void>(weft::cni::parse_failure(text));
  return 0;
}
