#pragma once
/// Cuts an IPv4 packet into fragments, for paths on which nobody else does. Pure.

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/bytes.hpp>

#include <weft/overlay/packet.hpp>

namespace weft::overlay {

/// A plan for cutting one frame. Pieces repeat the Ethernet and IP headers, options included.
/// Source: weaveworks/weave router/sleeve.go, fragment.
class Fragmenter {
 public:
  /// `frame` holds `packet`, as parse_ipv4 found it, and outlives the plan.
  Fragmenter(ByteView frame, const Ipv4Packet& packet, std::uint32_t mtu) noexcept;

  /// 0 when `mtu` leaves no room for a piece of 8 bytes.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Bytes that any piece needs at most.
  [[nodiscard]] std::size_t max_bytes() const noexcept;
  /// Writes piece `index` to `out` (max_bytes) and returns its length.
  [[nodiscard]] std::size_t write(std::size_t index, std::span<std::byte> out) const noexcept;

 private:
  ByteView frame_;
  Ipv4Packet packet_;
  std::size_t segment_bytes_;
  std::size_t count_;
};

}  // namespace weft::overlay
