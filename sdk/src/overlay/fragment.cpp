/// Router-made IPv4 fragments. Source: RFC 791 section 3.2.
#include <weft/overlay/fragment.hpp>

#include <algorithm>

#include <weft/net/checksum.hpp>
#include <weft/net/headers.hpp>

namespace weft::overlay {
namespace {

constexpr std::size_t minimum_frame_bytes = 60;  // Ethernet without FCS

std::size_t segment_for(std::size_t header_bytes, std::uint32_t mtu) noexcept {
  return mtu > header_bytes ? (mtu - header_bytes) / 8 * 8 : 0;
}

}  // namespace

Fragmenter::Fragmenter(ByteView frame, const Ipv4Packet& packet, std::uint32_t mtu) noexcept
    : frame_(frame), packet_(packet), segment_bytes_(segment_for(packet.header_bytes, mtu)) {
  const std::size_t payload = packet.total_bytes - packet.header_bytes;
  count_ = segment_bytes_ == 0 ? 0 : (payload + segment_bytes_ - 1) / segment_bytes_;
}

std::size_t Fragmenter::max_bytes() const noexcept {
  return std::max(minimum_frame_bytes,
                  net::ethernet_header_bytes + packet_.header_bytes + segment_bytes_);
}

std::size_t Fragmenter::write(std::size_t index, std::span<std::byte> out) const noexcept {
  const std::size_t headers = net::ethernet_header_bytes + packet_.header_bytes;
  const std::size_t start = index * segment_bytes_;
  const std::size_t payload =
      std::min(segment_bytes_, packet_.total_bytes - packet_.header_bytes - start);
  const bool has_more = packet_.more_fragments || index + 1 < count_;
  const std::size_t offset = (packet_.fragment_offset + start / 8) & 0x1FFFU;

  std::copy_n(frame_.data(), headers, out.data());
  std::copy_n(frame_.data() + headers + start, payload, out.data() + headers);
  std::byte* const ip = out.data() + net::ethernet_header_bytes;
  const auto old_flags = load_be<std::uint16_t>(ip + 6) & 0xC000U;  // reserved bit and DF
  store_be(ip + 2, static_cast<std::uint16_t>(packet_.header_bytes + payload));
  store_be(ip + 6, static_cast<std::uint16_t>(old_flags | (has_more ? 0x2000U : 0U) | offset));
  store_be(ip + 10, std::uint16_t{0});
  store_be(ip + 10, net::internet_checksum({ip, packet_.header_bytes}));

  const std::size_t length = std::max(headers + payload, minimum_frame_bytes);
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(headers + payload),
            out.begin() + static_cast<std::ptrdiff_t>(length), std::byte{0});
  return length;
}

}  // namespace weft::overlay
