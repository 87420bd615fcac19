/// Any octets as an ICMP message of either family about a datagram of ours. The first two name the
/// port.

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/overlay/router_report.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto octets = std::as_bytes(std::span{data, size});
  if (octets.size() < 2) {
    return 0;
  }
  const auto port = weft::load_be<std::uint16_t>(octets.data());
  for (const auto family : {weft::net::Family::v4, weft::net::Family::v6}) {
    static_cast<void>(weft::overlay::parse_too_big_report(family, octets.subspan(2), port));
  }
  return 0;
}
