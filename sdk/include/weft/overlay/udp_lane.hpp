#pragma once
/// An overlay over UDP on one lane: a socket, what it brings, what it takes.

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include <weft/lane.hpp>
#include <weft/overlay/counters.hpp>
#include <weft/overlay/frame_fitter.hpp>
#include <weft/overlay/frame_run.hpp>
#include <weft/overlay/receive_buffers.hpp>
#include <weft/overlay/udp_socket.hpp>
#include <weft/service/dataplane.hpp>

namespace weft::overlay {

/// How to reach a peer right now. Immutable; replaced by the loop.
struct UdpPath {
  bool is_open = false;  ///< frames may be sent
  Destination destination;
  PathLimits limits;
};

/// Receives and sends in batches: recvmmsg, encapsulation where the frames lie, sendmmsg. Frames
/// that do not fit the path are fragmented or answered. Derive from it for the wire format. Created
/// and destroyed by the loop; everything else runs on the lane and allocates nothing.
class UdpLane : public LaneTask {
 public:
  struct Context {
    Dataplane& dataplane;
    Counters& counters;
  };

  UdpLane(const Context& context, UniqueFd socket);

  [[nodiscard]] unsigned poll(Lane& lane, unsigned budget) noexcept final;
  void flush(Lane& lane) noexcept final;

  [[nodiscard]] const UniqueFd& socket() const noexcept { return socket_; }

 protected:
  ~UdpLane() = default;

  /// A datagram arrived: foreign octets, with frame_headroom writable bytes before them. They lie
  /// still until the lane's flush.
  virtual void on_datagram(Lane& lane, std::span<std::byte> octets) noexcept = 0;

  /// Hands the frame in a datagram, which follows a header, to the dataplane.
  void deliver(Lane& lane, PeerName source, PeerName destination, std::span<std::byte> octets,
               std::size_t header_bytes) noexcept;
  /// Keeps frames for the flush, each behind a header that `write(std::byte* to, const Frame&)`
  /// makes. `path` is open, and was read on this lane in this poll cycle.
  template <class Write>
  void send(Lane& lane, const UdpPath& path, const OverlayBatch& batch, std::size_t header_bytes,
            Write write) noexcept {
    const auto stage_one = [&](const Frame& frame, bool /*may_fragment*/) {
      const Frame placed = with_headroom(lane, frame, header_bytes, context_.counters.copies);
      if (placed.data == nullptr) {
        drop(lane, Drop::no_buffer);
        return;
      }
      write(placed.data - header_bytes, placed);
      stage(lane, path.destination, {placed.data - header_bytes, header_bytes + placed.length});
    };
    count(lane, fitter_.fit(lane, batch, path.limits, stage_one));
  }
  void drop(const Lane& lane, Drop reason, std::uint64_t n = 1) noexcept {
    context_.counters.drop_on_lane(lane.index(), reason, n);
  }

 private:
  struct Messages {
    std::array<mmsghdr, max_batch> headers{};
    std::array<iovec, max_batch> pieces{};
  };

  void stage(Lane& lane, const Destination& to, std::span<std::byte> octets) noexcept;
  void transmit(Lane& lane) noexcept;
  /// Accounts for the failure of message `index`; returns how many messages are lost.
  [[nodiscard]] unsigned give_up(Lane& lane, unsigned index, int error) noexcept;
  void count(const Lane& lane, const Unfit& unfit) noexcept;

  Context context_;
  UniqueFd socket_;
  ReceiveBuffers incoming_;
  std::unique_ptr<Messages> outgoing_;
  unsigned staged_ = 0;
  FrameRun run_;
  FrameFitter fitter_;
};

}  // namespace weft::overlay
