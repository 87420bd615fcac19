/// Software segmentation and checksums for frames whose sender left that work to the device.

#include "fabric/segment.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <weft/bytes.hpp>
#include <weft/net/headers.hpp>

namespace weft::dataplane {
namespace {

// Within the TCP header. Source: RFC 9293 section 3.1.
constexpr std::uint32_t tcp_sequence_at = 4;
constexpr std::uint32_t tcp_data_offset_at = 12;  // with the flags, one word
constexpr std::uint16_t tcp_fin = 0x01;
constexpr std::uint16_t tcp_push = 0x08;
constexpr std::uint16_t tcp_congestion_reduced = 0x80;
// Within the UDP header.
constexpr std::uint32_t udp_length_at = 4;
// Within the IPv4 header.
constexpr std::uint32_t ipv4_length_at = 2;
constexpr std::uint32_t ipv4_id_at = 4;
constexpr std::uint32_t ipv4_checksum_at = 10;
constexpr std::uint32_t ipv4_addresses_at = 12;
// Within the IPv6 header.
constexpr std::uint32_t ipv6_length_at = 4;
constexpr std::uint32_t ipv6_addresses_at = 8;

std::uint16_t load16(const std::byte* from) {
  return load_be<std::uint16_t>(from);
}

/// Where the network header starts and what it is, behind any VLAN tags.
struct NetworkStart {
  std::uint32_t at = 0;
  std::uint16_t ethertype = 0;
};

NetworkStart network_start(const std::byte* data, std::uint32_t length) {
  std::uint32_t at = net::ethernet_header_bytes;
  std::uint16_t ethertype = load16(data + at - 2);
  while ((ethertype == net::ethertype_vlan || ethertype == net::ethertype_service_vlan) &&
         at + net::vlan_tag_bytes <= length) {
    at += net::vlan_tag_bytes;
    ethertype = load16(data + at - 2);
  }
  return {at, ethertype};
}

bool is_tcp(Offload::Segmentation kind) {
  return kind == Offload::Segmentation::tcp4 || kind == Offload::Segmentation::tcp6;
}

}  // namespace

bool complete_checksum(Frame& frame) noexcept {
  const std::uint32_t start = frame.offload.checksum_start;
  const std::uint32_t field = start + frame.offload.checksum_offset;
  if (field + 2 > frame.length) {
    return false;
  }
  // The field already holds the sum of the pseudo-header. Zero would mean "no checksum" in UDP,
  // and both forms of zero are equal in TCP.
  const std::uint16_t sum = net::internet_checksum({frame.data + start, frame.length - start});
  store_be<std::uint16_t>(frame.data + field, sum == 0 ? 0xFFFF : sum);
  frame.offload.needs_checksum = false;
  return true;
}

std::optional<Segmenter> Segmenter::create(const Frame& frame) noexcept {
  const Offload& offload = frame.offload;
  using Kind = Offload::Segmentation;
  if (frame.length < net::ethernet_header_bytes || offload.segment_bytes == 0 ||
      offload.segmentation == Kind::none || offload.segmentation == Kind::udp) {
    return std::nullopt;
  }
  Segmenter segmenter;
  segmenter.data_ = frame.data;
  segmenter.length_ = frame.length;
  segmenter.segment_bytes_ = offload.segment_bytes;
  segmenter.is_tcp_ = is_tcp(offload.segmentation);
  segmenter.transport_at_ = offload.checksum_start;

  const NetworkStart network = network_start(frame.data, frame.length);
  segmenter.network_at_ = network.at;
  segmenter.is_v4_ = network.ethertype == net::ethertype_ipv4;
  const std::uint32_t transport_bytes =
      segmenter.is_tcp_ ? net::tcp_header_bytes : net::udp_header_bytes;
  const std::uint32_t network_bytes =
      segmenter.is_v4_ ? net::ipv4_header_bytes : net::ipv6_header_bytes;
  if ((!segmenter.is_v4_ && network.ethertype != net::ethertype_ipv6) ||
      segmenter.transport_at_ < network.at + network_bytes ||
      segmenter.transport_at_ + transport_bytes > frame.length) {
    return std::nullopt;
  }
  if (segmenter.is_v4_) {
    const auto header_bytes =
        std::to_integer<std::uint32_t>(frame.data[network.at] & std::byte{0x0F}) * 4;
    if (network.at + header_bytes != segmenter.transport_at_) {
      return std::nullopt;
    }
  }
  segmenter.header_bytes_ = segmenter.transport_at_ + net::udp_header_bytes;
  if (segmenter.is_tcp_) {
    const auto tcp_header_bytes =
        std::to_integer<std::uint32_t>(frame.data[segmenter.transport_at_ + tcp_data_offset_at] >>
                                       4) *
        4;
    segmenter.header_bytes_ = segmenter.transport_at_ + tcp_header_bytes;
    if (tcp_header_bytes < net::tcp_header_bytes) {
      return std::nullopt;
    }
  }
  if (segmenter.header_bytes_ >= frame.length) {
    return std::nullopt;
  }
  segmenter.prepare_sums();
  return segmenter;
}

std::uint32_t Segmenter::next_length() const noexcept {
  const std::uint32_t left = length_ - header_bytes_ - done_bytes_;
  return left == 0 ? 0 : header_bytes_ + std::min(left, segment_bytes_);
}

std::uint32_t Segmenter::count() const noexcept {
  return (length_ - header_bytes_ + segment_bytes_ - 1) / segment_bytes_;
}

void Segmenter::prepare_sums() noexcept {
  const auto without = [](net::InternetChecksum& sum, const std::byte* field) {
    sum.add(static_cast<std::uint16_t>(~load16(field)));
  };
  const std::byte* const ip = data_ + network_at_;
  const std::byte* const transport = data_ + transport_at_;
  if (is_v4_) {
    network_sum_.add({ip, transport_at_ - network_at_});
    without(network_sum_, ip + ipv4_length_at);
    without(network_sum_, ip + ipv4_id_at);
    without(network_sum_, ip + ipv4_checksum_at);
    transport_sum_.add({ip + ipv4_addresses_at, 8});
  } else {
    transport_sum_.add({ip + ipv6_addresses_at, 32});
  }
  transport_sum_.add(is_tcp_ ? net::protocol_tcp : net::protocol_udp)
      .add({transport, header_bytes_ - transport_at_});
  if (is_tcp_) {
    without(transport_sum_, transport + tcp_sequence_at);
    without(transport_sum_, transport + tcp_sequence_at + 2);
    without(transport_sum_, transport + tcp_data_offset_at);  // the flags' word
    without(transport_sum_, transport + net::tcp_checksum_at);
  } else {
    without(transport_sum_, transport + udp_length_at);
    without(transport_sum_, transport + net::udp_checksum_at);
  }
}

void Segmenter::patch_network_header(std::byte* to, std::uint32_t length) const noexcept {
  std::byte* const ip = to + network_at_;
  if (!is_v4_) {
    store_be(ip + ipv6_length_at,
             static_cast<std::uint16_t>(length - network_at_ - net::ipv6_header_bytes));
    return;
  }
  const auto total = static_cast<std::uint16_t>(length - network_at_);
  const auto identification =
      static_cast<std::uint16_t>(load16(data_ + network_at_ + ipv4_id_at) + index_);
  store_be(ip + ipv4_length_at, total);
  store_be(ip + ipv4_id_at, identification);
  net::InternetChecksum sum = network_sum_;
  store_be(ip + ipv4_checksum_at, sum.add(total).add(identification).finish());
}

std::uint16_t Segmenter::write_transport(std::byte* to, std::uint32_t payload) const noexcept {
  const std::byte* const original = data_ + transport_at_;
  std::byte* const transport = to + transport_at_;
  const auto length = static_cast<std::uint16_t>(header_bytes_ - transport_at_ + payload);
  net::InternetChecksum sum = transport_sum_;
  sum.add(length);
  if (is_tcp_) {
    const std::uint32_t sequence = load_be<std::uint32_t>(original + tcp_sequence_at) + done_bytes_;
    std::uint16_t flags = load16(original + tcp_data_offset_at);
    if (index_ != 0) {
      flags &= static_cast<std::uint16_t>(~tcp_congestion_reduced);
    }
    if (header_bytes_ + done_bytes_ + payload < length_) {
      flags &= static_cast<std::uint16_t>(~(tcp_fin | tcp_push));
    }
    store_be(transport + tcp_sequence_at, sequence);
    store_be(transport + tcp_data_offset_at, flags);
    sum.add(static_cast<std::uint16_t>(sequence >> 16U))
        .add(static_cast<std::uint16_t>(sequence))
        .add(flags);
  } else {
    store_be(transport + udp_length_at, length);
    sum.add(length);
  }
  return sum.add_copying(to + header_bytes_, {data_ + header_bytes_ + done_bytes_, payload})
      .finish();
}

void Segmenter::write_next(std::byte* to) noexcept {
  const std::uint32_t length = next_length();
  const std::uint32_t payload = length - header_bytes_;
  std::memcpy(to, data_, header_bytes_);
  patch_network_header(to, length);
  const std::uint16_t sum = write_transport(to, payload);
  std::byte* const field =
      to + transport_at_ + (is_tcp_ ? net::tcp_checksum_at : net::udp_checksum_at);
  store_be<std::uint16_t>(field, sum == 0 && !is_tcp_ ? 0xFFFF : sum);
  done_bytes_ += payload;
  ++index_;
}

}  // namespace weft::dataplane
