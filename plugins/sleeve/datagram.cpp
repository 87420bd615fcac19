/// Reads and writes the records of a sleeve datagram in place.
#include "datagram.hpp"

#include <algorithm>

namespace weft::sleeve {
namespace {

bool is_zero(ByteView bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

void write_record_header(std::byte* to, PeerName source, PeerName destination,
                         std::size_t frame_bytes) noexcept {
  store_peer_name(to, source);
  store_peer_name(to + peer_name_bytes, destination);
  store_be(to + 2 * peer_name_bytes, static_cast<std::uint16_t>(frame_bytes));
}

std::optional<Record> RecordReader::next() noexcept {
  if (rest_.size() < record_header_bytes) {
    if (!rest_.empty()) {
      defect_ = Defect::trailing_garbage;
      rest_ = {};
    }
    return std::nullopt;
  }
  const std::byte* const header = rest_.data();
  const std::size_t length = load_be<std::uint16_t>(header + 2 * peer_name_bytes);
  if (length > rest_.size() - record_header_bytes) {
    defect_ = Defect::frame_too_short;
    rest_ = {};
    return std::nullopt;
  }
  const Record record{load_peer_name(header), load_peer_name(header + peer_name_bytes),
                      rest_.subspan(record_header_bytes, length)};
  rest_ = rest_.subspan(record_header_bytes + length);
  return record;
}

FrameKind classify(ByteView frame) noexcept {
  if (frame.size() < ethernet_header_bytes) {
    return FrameKind::undecodable;
  }
  if (!is_zero(frame.first(ethernet_header_bytes))) {
    return FrameKind::data;
  }
  if (frame.size() == heartbeat_frame_bytes) {
    return FrameKind::heartbeat;
  }
  if (frame.size() == fragmentation_test_frame_bytes) {
    return is_zero(frame) ? FrameKind::fragmentation_test : FrameKind::undecodable;
  }
  return FrameKind::mtu_test;
}

std::uint64_t heartbeat_uid(ByteView frame) noexcept {
  return load_be<std::uint64_t>(frame.data() + ethernet_header_bytes);
}

void write_heartbeat(std::span<std::byte> frame, std::uint64_t uid) noexcept {
  std::fill_n(frame.begin(), ethernet_header_bytes, std::byte{0});
  store_be(frame.data() + ethernet_header_bytes, uid);
}

}  // namespace weft::sleeve
