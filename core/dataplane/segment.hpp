#pragma once
/// Offload work in software: completes checksums and cuts super-frames into frames.

#include <cstdint>
#include <optional>

#include <weft/export.hpp>
#include <weft/lane.hpp>

namespace weft::dataplane {

/// Completes the checksum that `frame.offload` asks for, in place. False when it contradicts the
/// frame. Source: Linux Documentation/networking/checksum-offloads.rst, "TX checksum offload".
[[nodiscard]] WEFT_EXPORT bool complete_checksum(Frame& frame) noexcept;

/// The 16-bit one's complement sum of `octets` added to `sum`, not yet folded. RFC 1071.
[[nodiscard]] WEFT_EXPORT std::uint64_t add_to_checksum(std::uint64_t sum,
                                                        std::span<const std::byte> octets) noexcept;
/// Folds and complements: what goes into a checksum field, in host order.
[[nodiscard]] WEFT_EXPORT std::uint16_t finish_checksum(std::uint64_t sum) noexcept;

/// Cuts one TCP or UDP super-frame into plain frames as the kernel would have, one per call, so
/// that the caller bounds the storage. Views the super-frame, which must stay unchanged.
/// On lanes: no allocation. Source: Linux net/ipv4/tcp_offload.c, tcp_gso_segment;
/// net/ipv4/udp_offload.c, __udp_gso_segment.
class WEFT_EXPORT Segmenter {
 public:
  /// Empty when the offload contradicts the frame: headers cut off, of another protocol, or no
  /// payload per segment. `frame` comes from pods, so nothing in it is trusted.
  [[nodiscard]] static std::optional<Segmenter> create(const Frame& frame) noexcept;

  /// Bytes of the next segment; 0 when all have been written.
  [[nodiscard]] std::uint32_t next_length() const noexcept;
  /// Writes the next segment to `to`, which has room for next_length() bytes.
  void write_next(std::byte* to) noexcept;
  /// How many there are in all.
  [[nodiscard]] std::uint32_t count() const noexcept;

 private:
  Segmenter() = default;

  void patch_network_header(std::byte* to, std::uint32_t length) const noexcept;
  void patch_tcp(std::byte* to, std::uint32_t payload) const noexcept;
  [[nodiscard]] std::uint64_t pseudo_header_sum(const std::byte* to,
                                                std::uint32_t transport_bytes) const noexcept;

  const std::byte* data_ = nullptr;
  std::uint32_t length_ = 0;
  std::uint32_t header_bytes_ = 0;   // Ethernet to the end of the transport header
  std::uint32_t segment_bytes_ = 0;  // payload per segment
  std::uint32_t network_at_ = 0;
  std::uint32_t transport_at_ = 0;
  std::uint32_t done_bytes_ = 0;  // payload written so far
  std::uint32_t index_ = 0;       // of the next segment
  bool is_v4_ = false;
  bool is_tcp_ = false;
};

}  // namespace weft::dataplane
