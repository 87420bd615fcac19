#pragma once
/// Room for a poll cycle's datagrams, filled by recvmmsg.

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <weft/lane.hpp>
#include <weft/net/ip.hpp>

namespace weft::overlay {

/// Slots for max_batch datagrams of any length, each behind frame_headroom writable bytes, so that
/// frames inside them can be forwarded where they lie. Memory that no datagram was long enough to
/// reach stays the kernel's. Used on one lane; allocates nothing after construction.
class ReceiveBuffers {
 public:
  static constexpr unsigned slots = max_batch;

  /// `slot_bytes`: of the largest datagram.
  explicit ReceiveBuffers(std::size_t slot_bytes = 65536);

  /// Receives at most `count` datagrams into the slots from `first` on, without waiting. Answers
  /// how many, or -1 with errno set.
  [[nodiscard]] int receive(int socket, unsigned first, unsigned count) noexcept;

  /// What arrived in a slot.
  [[nodiscard]] std::span<std::byte> octets(unsigned slot) const noexcept {
    return {memory_.get() + slot * stride_ + frame_headroom, arrivals_->messages[slot].msg_len};
  }
  [[nodiscard]] bool is_truncated(unsigned slot) const noexcept {
    return (arrivals_->messages[slot].msg_hdr.msg_flags & MSG_TRUNC) != 0;
  }
  /// Where it came from, for UDP.
  [[nodiscard]] net::Endpoint from(unsigned slot) const noexcept;
  /// The size of each datagram but the last, when the kernel joined several (UDP_GRO); else 0.
  [[nodiscard]] std::uint32_t joined_bytes(unsigned slot) const noexcept;

 private:
  struct alignas(cmsghdr) Control {
    std::array<std::byte, CMSG_SPACE(sizeof(int))> octets;
  };
  struct Arrivals {
    std::array<mmsghdr, slots> messages{};
    std::array<iovec, slots> pieces{};
    std::array<sockaddr_storage, slots> addresses{};
    std::array<Control, slots> controls{};
  };

  std::size_t stride_;
  std::unique_ptr<std::byte[]> memory_;
  std::unique_ptr<Arrivals> arrivals_;
};

}  // namespace weft::overlay
