/// Finds a frame's GSO batch, and writes the headers of whole GSO batches.

#include "coalescer.hpp"

#include <algorithm>
#include <cstring>

namespace weft::bridge {
namespace {

/// The largest IP packet there is.
constexpr std::uint32_t max_packet_bytes = 65535;

}  // namespace

Coalescer::Coalescer(bool joins_udp)
    : joins_udp_(joins_udp),
      links_(std::make_unique<std::array<Link, max_frames>>()),
      batches_(std::make_unique<std::array<GsoBatch, max_frames>>()) {}

Coalescer::Open* Coalescer::find(std::uint64_t flow) noexcept {
  const auto at = std::ranges::find_if(
      open_, [flow](const Open& open) { return open.batch != none && open.flow == flow; });
  return at == open_.end() ? nullptr : &*at;
}

bool Coalescer::joins(const GsoBatch& batch, const Frame& frame,
                      const SegmentView& view) const noexcept {
  const SegmentView& first = batch.view;
  const auto counted =
      static_cast<std::uint16_t>(first.identification + (first.is_v4 ? batch.count : 0));
  const bool is_next = view.identification == counted ||
                       (view.is_atomic && view.identification == first.identification);
  return batch.count < max_joined && view.is_tcp == first.is_tcp && view.is_v4 == first.is_v4 &&
         view.header_bytes == first.header_bytes && view.payload_bytes <= first.payload_bytes &&
         is_next && (!view.is_tcp || view.sequence == first.sequence + batch.payload_bytes) &&
         first.header_bytes + batch.payload_bytes + view.payload_bytes <=
             net::ethernet_header_bytes + max_packet_bytes &&
         have_like_headers((*links_)[batch.first].frame.bytes(), frame.bytes(), first);
}

bool Coalescer::add(const Frame& frame) noexcept {
  if (frame_count_ == max_frames) {
    return false;
  }
  const auto link = static_cast<std::uint32_t>(frame_count_++);
  (*links_)[link] = {frame, none};
  const Classified found = classify(frame.bytes());
  if (found.is_opaque) {
    open_.fill({});
  }
  const SegmentView view = found.segment.value_or(SegmentView{});
  Open* const open = found.segment ? find(view.flow) : nullptr;
  const bool is_joinable =
      view.is_joinable && (view.is_tcp || joins_udp_) && has_good_checksums(frame.bytes(), view);
  if (open != nullptr && is_joinable && joins((*batches_)[open->batch], frame, view)) {
    join(*open, link, view);
    return true;
  }
  if (open != nullptr) {
    open->batch = none;  // whatever comes next of this flow comes behind this frame
  }
  const auto batch = static_cast<std::uint32_t>(packet_count_++);
  (*batches_)[batch] = {link, link, 1, view.payload_bytes, view};
  if (is_joinable && !is_pushed(frame.bytes(), view)) {
    begin(view, batch);
  }
  return true;
}

void Coalescer::join(Open& open, std::uint32_t link, const SegmentView& view) noexcept {
  GsoBatch& batch = (*batches_)[open.batch];
  (*links_)[batch.last].next = link;
  batch.last = link;
  ++batch.count;
  batch.payload_bytes += view.payload_bytes;
  if (view.payload_bytes < batch.view.payload_bytes ||
      is_pushed((*links_)[link].frame.bytes(), view)) {
    open.batch = none;
  }
}

void Coalescer::begin(const SegmentView& view, std::uint32_t batch) noexcept {
  open_[next_open_] = {view.flow, batch};
  next_open_ = (next_open_ + 1) % max_open;
}

Coalescer::Packet Coalescer::compose(const GsoBatch& batch) noexcept {
  static constexpr std::array<std::byte, vnet_header_bytes> nothing_left{};
  const Frame& first = (*links_)[batch.first].frame;
  if (batch.count == 1) {
    // writev does not change what it reads from.
    parts_[0] = {const_cast<std::byte*>(nothing_left.data()), nothing_left.size()};
    parts_[1] = {first.data, first.length};
    return {{parts_.data(), 2}, 1, first.length, first.length};
  }
  const SegmentView& view = batch.view;
  using Kind = Offload::Segmentation;
  write_vnet_header(headers_.data(),
                    {.segmentation = !view.is_tcp ? Kind::udp_l4
                                     : view.is_v4 ? Kind::tcp4
                                                  : Kind::tcp6,
                     .needs_checksum = true,
                     .header_bytes = view.header_bytes,
                     .segment_bytes = static_cast<std::uint16_t>(view.payload_bytes),
                     .checksum_start = view.transport_at,
                     .checksum_offset = static_cast<std::uint16_t>(view.is_tcp ? 16 : 6)});
  std::byte* const headers = headers_.data() + vnet_header_bytes;
  std::memcpy(headers, first.data, view.header_bytes);
  write_joined_headers(headers, view, batch.payload_bytes,
                       is_pushed((*links_)[batch.last].frame.bytes(), view));
  parts_[0] = {headers_.data(), vnet_header_bytes + view.header_bytes};
  std::size_t part = 1;
  for (std::uint32_t at = batch.first; at != none; at = (*links_)[at].next) {
    const Frame& frame = (*links_)[at].frame;
    parts_[part++] = {frame.data + view.header_bytes, frame.length - view.header_bytes};
  }
  return {{parts_.data(), part},
          batch.count,
          batch.count * view.header_bytes + batch.payload_bytes,
          first.length};
}

}  // namespace weft::bridge
