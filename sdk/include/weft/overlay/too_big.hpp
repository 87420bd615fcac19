#pragma once
/// Frames that tell a sender that its packet does not fit the path. Pure.

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/bytes.hpp>

namespace weft::overlay {

/// Room for any report: Ethernet and the 1280 bytes that ICMPv6 limits itself to.
inline constexpr std::size_t max_report_bytes = 14 + 1280;

/// Writes the answer to `frame`, which `plan` said to report, and returns its length: ICMP
/// "fragmentation needed" (RFC 1191) or ICMPv6 "packet too big" (RFC 4443 section 3.2), from the
/// frame's destination to its source. `out` holds max_report_bytes. 0 for anything but IP.
/// Source of the IPv4 form: weaveworks/weave router/ethernet_decoder.go, makeICMPFragNeeded.
[[nodiscard]] std::size_t write_too_big_report(ByteView frame, std::uint32_t mtu,
                                               std::span<std::byte> out) noexcept;

}  // namespace weft::overlay
