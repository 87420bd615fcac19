/// Any octets as a gob stream: skipped whole, whatever their types.

#include <cstddef>
#include <cstdint>

#include "common/gob/decoder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::gob::StreamReader stream(std::as_bytes(std::span{data, size}));
  while (stream.next([](weft::gob::ValueReader& value) { return value.skip(); })) {
  }
  return 0;
}
