#pragma once
/// Offload work in software: completes checksums and segments GSO packets.

#include <cstdint>
#include <optional>

#include <weft/export.hpp>
#include <weft/lane.hpp>
#include <weft/net/checksum.hpp>

namespace weft::dataplane {

/// Completes the checksum that `frame.offload` asks for, in place. False when it contradicts the
/// frame. Source: Linux Documentation/networking/checksum-offloads.rst, "TX checksum offload".
[[nodiscard]] WEFT_EXPORT bool complete_checksum(Frame& frame) noexcept;

/// Segments one TCP or UDP GSO packet into plain frames as the kernel would have, one per call, so
/// that the caller bounds the storage. Views the GSO packet, which must stay unchanged.
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

  void prepare_sums() noexcept;
  void patch_network_header(std::byte* to, std::uint32_t length) const noexcept;
  /// Patches the transport header at `to` and copies the payload behind it; returns the checksum.
  [[nodiscard]] std::uint16_t write_transport(std::byte* to, std::uint32_t payload) const noexcept;

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
  // Of what segments have in common: headers without the fields that change.
  net::InternetChecksum network_sum_;
  net::InternetChecksum transport_sum_;  // with the addresses and protocol of the pseudo-header
};

}  // namespace weft::dataplane
