/// Any octets as a frame out of a tunnel; a heartbeat that is whole says what was written.

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/result.hpp>

#include "odp/upcall.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::odp;
  const auto heartbeat = parse_heartbeat(std::as_bytes(std::span{data, size}));
  if (!heartbeat || heartbeat->frame_bytes < heartbeat_bytes + 4) {
    return 0;
  }
  const weft::Bytes written = make_heartbeat(*heartbeat);
  WEFT_CHECK(written.size() == heartbeat->frame_bytes, "a heartbeat is as long as it says");
  const auto again = parse_heartbeat(written);
  WEFT_CHECK(again && again->uid == heartbeat->uid && again->frame_bytes == written.size() &&
                 again->echo == heartbeat->echo,
             "a heartbeat is read as it was written");
  return 0;
}
