#pragma once
/// The header a tap with IFF_VNET_HDR puts before every frame.

#include <cstddef>
#include <optional>

#include <weft/bytes.hpp>
#include <weft/lane.hpp>

namespace weft::bridge {

/// Source: Linux include/uapi/linux/virtio_net.h, struct virtio_net_hdr_v1.
inline constexpr std::size_t vnet_header_bytes = 12;

/// What the header at the front of `octets` says; empty when it is cut short or asks for a kind of
/// segmentation that does not exist.
[[nodiscard]] std::optional<Offload> parse_vnet_header(ByteView octets) noexcept;

/// The opposite: vnet_header_bytes that say `offload`.
void write_vnet_header(std::byte* to, const Offload& offload) noexcept;

}  // namespace weft::bridge
