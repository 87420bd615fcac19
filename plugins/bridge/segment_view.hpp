#pragma once
/// What decides whether two frames can go to the kernel as one: the headers of a TCP or UDP frame.

#include <cstddef>
#include <cstdint>
#include <optional>

#include <weft/bytes.hpp>

namespace weft::bridge {

/// One untagged frame with a TCP segment or UDP datagram that is whole. Views nothing: offsets
/// only.
struct SegmentView {
  std::uint64_t flow = 0;  ///< equal for frames of one flow; strangers may share it
  bool is_v4 = false;
  bool is_tcp = false;
  /// Headers without options before TCP, a payload, no flags that end or begin anything, and
  /// padding neither: may be joined when its neighbours and checksum agree.
  bool is_joinable = false;
  std::uint16_t transport_at = 0;  ///< from the frame's start
  std::uint16_t header_bytes = 0;  ///< from the frame's start to the payload
  std::uint32_t payload_bytes = 0;
  std::uint32_t sequence = 0;        ///< of TCP
  std::uint16_t identification = 0;  ///< of IPv4
  bool is_atomic = false;  ///< may not be fragmented, so that `identification` means nothing
};

/// What a frame is to its flow.
struct Classified {
  std::optional<SegmentView> segment;
  bool is_opaque = false;  ///< IP whose flow cannot be told, such as a fragment: may be any flow's
};

/// Pure; `frame` may be hostile.
[[nodiscard]] Classified classify(ByteView frame) noexcept;

/// Whether the checksums of `frame` are there and right.
[[nodiscard]] bool has_good_checksums(ByteView frame, const SegmentView& segment) noexcept;

/// Whether all headers of both frames are alike but for lengths, checksums, identification,
/// sequence number and PSH. Both views are joinable and of frames of one kind.
[[nodiscard]] bool have_like_headers(ByteView a, ByteView b, const SegmentView& segment) noexcept;

/// Whether TCP asks to hand over what it has: nothing may be joined behind it.
[[nodiscard]] bool is_pushed(ByteView frame, const SegmentView& segment) noexcept;

/// Turns the headers of the first of several joined frames into those of all: `payload_bytes` in
/// total, PSH if `is_push`, and the transport checksum left to the device (its field holds the sum
/// of the pseudo-header). `headers` holds segment.header_bytes.
void write_joined_headers(std::byte* headers, const SegmentView& segment,
                          std::uint32_t payload_bytes, bool is_push) noexcept;

}  // namespace weft::bridge
