/// Reads and writes virtio-net headers.

#include "vnet_header.hpp"

#include <cstdint>
#include <cstring>

namespace weft::bridge {
namespace {

// The kernel's own header is not valid C++. Source: Linux include/uapi/linux/virtio_net.h.
struct VnetHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t header_bytes;
  std::uint16_t segment_bytes;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;
  std::uint16_t buffers;  // used between virtio devices only
};
static_assert(sizeof(VnetHeader) == vnet_header_bytes);

constexpr std::uint8_t flag_needs_checksum = 1;
constexpr std::uint8_t gso_none = 0;
constexpr std::uint8_t gso_tcp4 = 1;
constexpr std::uint8_t gso_udp = 3;
constexpr std::uint8_t gso_tcp6 = 4;
constexpr std::uint8_t gso_udp_l4 = 5;
constexpr std::uint8_t gso_ecn = 0x80;

std::optional<Offload::Segmentation> segmentation(std::uint8_t gso_type) {
  using Kind = Offload::Segmentation;
  switch (gso_type & ~gso_ecn) {
    case gso_none:
      return Kind::none;
    case gso_tcp4:
      return Kind::tcp4;
    case gso_udp:
      return Kind::udp;
    case gso_tcp6:
      return Kind::tcp6;
    case gso_udp_l4:
      return Kind::udp_l4;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Offload> parse_vnet_header(ByteView octets) noexcept {
  VnetHeader header;
  if (octets.size() < sizeof header) {
    return std::nullopt;
  }
  std::memcpy(&header, octets.data(), sizeof header);  // host order, as the tap was configured
  const auto kind = segmentation(header.gso_type);
  if (!kind) {
    return std::nullopt;
  }
  return Offload{.segmentation = *kind,
                 .needs_checksum = (header.flags & flag_needs_checksum) != 0,
                 .header_bytes = header.header_bytes,
                 .segment_bytes = header.segment_bytes,
                 .checksum_start = header.checksum_start,
                 .checksum_offset = header.checksum_offset};
}

void write_vnet_header(std::byte* to, const Offload& offload) noexcept {
  const VnetHeader header{
      .flags = offload.needs_checksum ? flag_needs_checksum : std::uint8_t{0},
      .gso_type = static_cast<std::uint8_t>(offload.segmentation),
      .header_bytes = offload.header_bytes,
      .segment_bytes = offload.segment_bytes,
      .checksum_start = offload.checksum_start,
      .checksum_offset = offload.checksum_offset,
      .buffers = 0,
  };
  std::memcpy(to, &header, sizeof header);
}

}  // namespace weft::bridge
