/// Any octets as a protocol message; what is understood must survive encoding.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gossip/wire/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = weft::mesh::parse_message(std::as_bytes(std::span{data, size}));
  if (message) {
    std::visit(
        [](const auto& known) {
          if constexpr (requires { weft::mesh::encode_message(known); }) {
            const auto octets = weft::mesh::encode_message(known);
            if (!weft::mesh::parse_message(octets)) {
              std::abort();
            }
          }
        },
        *message);
  }
  return 0;
}
