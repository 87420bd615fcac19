/// Any octets as a datagram of the udp-overlay example; what is accepted must be what is written.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <weft/result.hpp>

#include "udp-overlay/datagram.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::udp_overlay;
  const auto octets = std::as_bytes(std::span{data, size});
  std::vector<std::byte> datagram(octets.begin(), octets.end());
  const auto parsed = parse(datagram);
  if (!parsed) {
    return 0;
  }
  std::vector<std::byte> written(size);
  write_header(written.data(), parsed->header);
  if (parsed->header.kind == Kind::heartbeat) {
    write_heartbeat(written.data() + header_bytes, heartbeat_of(*parsed));
  } else {
    std::copy(parsed->body.begin(), parsed->body.end(), written.begin() + header_bytes);
  }
  WEFT_CHECK(written == datagram, "an accepted datagram is written as it was read");
  return 0;
}
