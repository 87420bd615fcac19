#pragma once
/// Bytes of a sleeve datagram: whose it is, and the frames it carries. Pure; hostile input is fine.
///
///   clear:     sender(6) | records
///   encrypted: sender(6) | sequence word(8) | Poly1305 tag(16) | XSalsa20(records)
///   record:    source(6) | destination(6) | length(2) | Ethernet frame
///
/// All integers are big-endian. Source: weaveworks/weave router/frame_crypto.go.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/bytes.hpp>
#include <weft/lane.hpp>
#include <weft/net/headers.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::sleeve {

using net::ethernet_header_bytes;
inline constexpr std::size_t record_header_bytes = 2 * peer_name_bytes + 2;
inline constexpr std::size_t clear_header_bytes = peer_name_bytes;
inline constexpr std::size_t sequence_bytes = 8;
inline constexpr std::size_t tag_bytes = 16;
inline constexpr std::size_t sealed_header_bytes = peer_name_bytes + sequence_bytes + tag_bytes;
/// The largest UDP payload over IPv4, and what peers can receive.
inline constexpr std::size_t max_datagram_bytes = 65507;

[[nodiscard]] constexpr std::size_t packet_header_bytes(bool is_encrypted) noexcept {
  return is_encrypted ? sealed_header_bytes : clear_header_bytes;
}

/// One frame of a datagram, where it lies in the datagram.
struct Record {
  PeerName source{};       ///< captured the frame
  PeerName destination{};  ///< delivers it; not always the receiver
  std::span<std::byte> frame;
};

/// Writes the record_header_bytes that precede a frame of `frame_bytes` (at most 65535).
void write_record_header(std::byte* to, PeerName source, PeerName destination,
                         std::size_t frame_bytes) noexcept;

/// Walks the records of a datagram's body. Frames before a defect are still good.
/// Source: router/frame_crypto.go, IterateFrames.
class RecordReader {
 public:
  enum class Defect : std::uint8_t { none, frame_too_short, trailing_garbage };

  explicit RecordReader(std::span<std::byte> body) noexcept : rest_(body) {}

  /// The next record; nothing at the end or at a defect.
  [[nodiscard]] std::optional<Record> next() noexcept;
  /// Why the walk ended.
  [[nodiscard]] Defect defect() const noexcept { return defect_; }

 private:
  std::span<std::byte> rest_;
  Defect defect_ = Defect::none;
};

/// What a frame is to the overlay. All but `data` have zero MACs and type, which no bridge emits.
enum class FrameKind : std::uint8_t {
  data,
  heartbeat,
  fragmentation_test,
  mtu_test,
  undecodable,  ///< shorter than an Ethernet header, or a test with a damaged body
};

inline constexpr std::size_t heartbeat_frame_bytes = ethernet_header_bytes + 8;
inline constexpr std::size_t fragmentation_test_frame_bytes = 60001;

/// Source: weaveworks/weave router/sleeve.go, handleSpecialFrame: kinds differ by length alone.
[[nodiscard]] FrameKind classify(ByteView frame) noexcept;

/// The connection UID in a heartbeat frame.
[[nodiscard]] std::uint64_t heartbeat_uid(ByteView frame) noexcept;
/// Fills a heartbeat frame; `frame` holds heartbeat_frame_bytes.
void write_heartbeat(std::span<std::byte> frame, std::uint64_t uid) noexcept;

}  // namespace weft::sleeve
