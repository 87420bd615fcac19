/// Any octets as a plugin's file, and as the text of its manifest.

#include <cstddef>
#include <cstdint>

#include "runtime/host/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto octets = std::as_bytes(std::span{data, size});
  static_cast<void>(weft::host::read_manifest(octets));
  static_cast<void>(weft::host::parse_manifest(weft::as_text(octets)));
  return 0;
}
