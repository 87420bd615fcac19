/// Any octets as a line on the control socket, in either direction.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <weft/bytes.hpp>

#include "runtime/control/protocol.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line = weft::as_text(std::as_bytes(std::span{data, size}));
  if (const auto request = weft::control::parse_request(line)) {
    if (!weft::control::format_request(request->command, request->params)) {
      std::abort();
    }
  }
  static_cast<void>(weft::control::parse_answer(line));
  return 0;
}
