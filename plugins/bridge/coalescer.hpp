#pragma once
/// Joins a poll cycle's frames of one flow, so that a GSO batch of them crosses into the kernel as
/// one.

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <weft/lane.hpp>
#include <weft/net/headers.hpp>

#include "segment_view.hpp"
#include "vnet_header.hpp"

namespace weft::bridge {

/// Used by one lane. Keeps frames in the order they came; a frame joins the last of its flow when
/// the kernel, cutting both apart again, would give exactly those two. Nothing is repaired by that:
/// what has a wrong checksum stays as it is, alone.
/// Source: Linux net/ipv4/tcp_offload.c, tcp_gro_receive; net/ipv4/udp_offload.c, udp_gro_receive.
class Coalescer {
 public:
  static constexpr std::size_t max_frames = 512;
  static constexpr std::size_t max_joined = 64;

  /// `joins_udp`: the kernel can cut UDP (Linux 6.2).
  explicit Coalescer(bool joins_udp);

  /// Keeps `frame`, which stays valid until drain(). False when there is no room: drain first.
  [[nodiscard]] bool add(const Frame& frame) noexcept;
  [[nodiscard]] bool is_empty() const noexcept { return packet_count_ == 0; }

  /// What is written at once.
  struct Packet {
    std::span<const iovec> parts;  ///< virtio-net header first
    std::uint32_t frames = 0;
    std::uint32_t bytes = 0;          ///< of those frames
    std::uint32_t largest_bytes = 0;  ///< of one of them
  };
  /// Gives each packet to `write(const Packet&)` in order, until it returns false, and forgets all.
  /// Returns how many frames `write` did not take.
  template <class Write>
  std::size_t drain(Write&& write) noexcept {
    std::size_t refused = 0;
    bool is_taken = true;
    for (std::size_t i = 0; i < packet_count_; ++i) {
      is_taken = is_taken && write(compose((*batches_)[i]));
      refused += is_taken ? 0 : (*batches_)[i].count;
    }
    packet_count_ = 0;
    frame_count_ = 0;
    open_.fill({});
    return refused;
  }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::size_t max_open = 16;
  static constexpr std::size_t max_header_bytes =
      net::ethernet_header_bytes + net::ipv6_header_bytes + 60;  // TCP with all its options

  struct Link {
    Frame frame;
    std::uint32_t next = none;
  };
  struct GsoBatch {
    std::uint32_t first = none;
    std::uint32_t last = none;
    std::uint32_t count = 0;
    std::uint32_t payload_bytes = 0;  // of all
    SegmentView view;                 // of the first
  };
  /// A flow's latest GSO batch, while something may still be joined to it.
  struct Open {
    std::uint64_t flow = 0;
    std::uint32_t batch = none;
  };

  [[nodiscard]] Open* find(std::uint64_t flow) noexcept;
  [[nodiscard]] bool joins(const GsoBatch& batch, const Frame& frame,
                           const SegmentView& view) const noexcept;
  void join(Open& open, std::uint32_t link, const SegmentView& view) noexcept;
  void begin(const SegmentView& view, std::uint32_t batch) noexcept;
  [[nodiscard]] Packet compose(const GsoBatch& batch) noexcept;

  bool joins_udp_;
  std::unique_ptr<std::array<Link, max_frames>> links_;
  std::unique_ptr<std::array<GsoBatch, max_frames>> batches_;
  std::size_t frame_count_ = 0;
  std::size_t packet_count_ = 0;
  std::array<Open, max_open> open_{};
  std::size_t next_open_ = 0;  // the oldest gives way
  std::array<std::byte, vnet_header_bytes + max_header_bytes> headers_{};
  std::array<iovec, max_joined + 1> parts_{};
};

}  // namespace weft::bridge
