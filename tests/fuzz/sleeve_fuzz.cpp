/// Any octets as a sleeve datagram in clear, and each of its frames as one that must be forwarded
/// over a path of any MTU.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <weft/overlay/fragment.hpp>
#include <weft/overlay/packet.hpp>
#include <weft/overlay/too_big.hpp>

#include "sleeve/datagram.hpp"

namespace {

void forward(weft::ByteView frame, std::uint32_t mtu) {
  using weft::overlay::Handling;
  const Handling handling = weft::overlay::plan(frame, {.mtu = mtu, .kernels_fragment = false});
  if (handling == Handling::report_too_big) {
    std::vector<std::byte> report(weft::overlay::max_report_bytes);
    static_cast<void>(weft::overlay::write_too_big_report(frame, mtu, report));
  } else if (handling == Handling::fragment) {
    const auto packet = weft::overlay::parse_ipv4(frame);
    const weft::overlay::Fragmenter fragments(frame, *packet, mtu);
    std::vector<std::byte> piece(fragments.max_bytes());
    for (std::size_t i = 0; i < fragments.count(); ++i) {
      static_cast<void>(fragments.write(i, piece));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < weft::sleeve::clear_header_bytes) {
    return 0;
  }
  const auto octets = std::as_bytes(std::span{data, size});
  std::vector<std::byte> datagram(octets.begin(), octets.end());
  weft::sleeve::RecordReader records(std::span(datagram).subspan(weft::sleeve::clear_header_bytes));
  while (const auto record = records.next()) {
    const auto kind = weft::sleeve::classify(record->frame);
    if (kind == weft::sleeve::FrameKind::heartbeat) {
      static_cast<void>(weft::sleeve::heartbeat_uid(record->frame));
    } else if (kind == weft::sleeve::FrameKind::data) {
      forward(record->frame, std::to_integer<std::uint32_t>(datagram[0]) * 8);
    }
  }
  return 0;
}
