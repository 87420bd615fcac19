#pragma once
/// Lanes move packets. A lane is one thread that runs
///   poll every task -> flush every task -> quiescent point
/// and sleeps in epoll only when every task was idle. On a lane nothing allocates, locks, logs,
/// throws, publishes or blocks: it counts.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/result.hpp>

namespace weft {

/// What a virtio-net header says of a frame: work that whoever puts it on a wire still has to do.
/// Source: Linux include/uapi/linux/virtio_net.h, struct virtio_net_hdr_v1.
struct Offload {
  enum class Segmentation : std::uint8_t { none = 0, tcp4 = 1, udp = 3, tcp6 = 4, udp_l4 = 5 };

  Segmentation segmentation = Segmentation::none;
  bool needs_checksum = false;      ///< complete the checksum over [checksum_start, end)
  std::uint16_t header_bytes = 0;   ///< Ethernet to transport header, when segmenting
  std::uint16_t segment_bytes = 0;  ///< transport payload per segment, when segmenting
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;  ///< of the checksum field, from checksum_start

  [[nodiscard]] bool is_plain() const noexcept {
    return segmentation == Segmentation::none && !needs_checksum;
  }
};

/// One Ethernet frame in a buffer that its lane owns. Valid until the lane's next quiescent point;
/// whoever needs it longer copies it.
struct Frame {
  std::byte* data = nullptr;   ///< first byte of the destination MAC
  std::uint32_t length = 0;    ///< bytes, without FCS
  std::uint32_t headroom = 0;  ///< writable bytes before `data`, for encapsulation in place
  Offload offload{};

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data, length}; }
};

/// Frames are passed in batches of at most this many: 64 x 1.5 kB stays inside a 128 kB L2.
inline constexpr std::size_t max_batch = 64;
/// Headroom that every producer of frames leaves: room for any overlay's headers.
inline constexpr std::uint32_t frame_headroom = 128;

class Lane;

/// Work on a lane, owned by a plugin. All calls are on the lane's thread.
class LaneTask {
 public:
  /// Handles at most about `budget` frames; returns how many it handled, 0 when idle.
  virtual unsigned poll(Lane& lane, unsigned budget) noexcept = 0;
  /// After every task was polled: send what was collected. Frames of this poll cycle are still
  /// valid.
  virtual void flush(Lane& /*lane*/) noexcept {}

 protected:
  ~LaneTask() = default;
};

/// A lane as its tasks see it.
class Lane {
 public:
  [[nodiscard]] unsigned index() const noexcept { return index_; }
  /// Taken once per poll cycle.
  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  /// A fresh buffer of at least `bytes` with frame_headroom before it, valid until the quiescent
  /// point of this poll cycle. Empty data when the poll cycle's supply is used up: drop and count.
  [[nodiscard]] virtual Frame scratch(std::uint32_t bytes) noexcept = 0;

 protected:
  explicit Lane(unsigned index) : index_(index) {}
  ~Lane() = default;

  unsigned index_;
  TimePoint now_{};
};

/// Keeps a task on its lane. Destroying it (not on a lane) removes the task and waits for the
/// lane's quiescent point: afterwards the task will not be called again.
class [[nodiscard]] LaneRegistration {
 public:
  struct Node {
    virtual ~Node() = default;
  };
  LaneRegistration() = default;
  explicit LaneRegistration(std::unique_ptr<Node> node) : node_(std::move(node)) {}

 private:
  std::unique_ptr<Node> node_;
};

/// The node's lanes. Owned by the host; called by control code only.
class Lanes {
 public:
  /// At least 1, at most max_lanes.
  [[nodiscard]] virtual unsigned count() const noexcept = 0;
  /// Adds a task. The lane wakes when one of `wake_fds` becomes readable; the task keeps them open.
  [[nodiscard]] virtual LaneRegistration add(unsigned lane, LaneTask& task,
                                             std::vector<int> wake_fds) = 0;
  /// Returns after every lane passed a quiescent point that began after the call.
  virtual void synchronize() noexcept = 0;
  /// Keeps `object` until every lane passed such a point, then drops it on a control thread.
  virtual void retire(std::shared_ptr<const void> object) noexcept = 0;

 protected:
  ~Lanes() = default;
};

/// One `T` for each lane, such as the socket that it reads. An overlay's forwarders share it,
/// because they may outlive the overlay: they have no path by then, and take nothing.
template <class T>
class PerLane {
 public:
  /// In the order of lanes.
  explicit PerLane(std::vector<std::unique_ptr<T>> each) : each_(std::move(each)) {}

  [[nodiscard]] T& on(const Lane& lane) noexcept { return *each_[lane.index()]; }
  [[nodiscard]] std::span<const std::unique_ptr<T>> all() const noexcept { return each_; }

 private:
  std::vector<std::unique_ptr<T>> each_;
};

/// State that control code replaces and lanes read: `publish` swaps a pointer, lanes load it once
/// per poll cycle, and the old value goes away after every lane's quiescent point. A value never
/// changes once published.
template <class T>
class LaneLocal {
 public:
  explicit LaneLocal(Lanes& lanes, std::shared_ptr<const T> first = std::make_shared<const T>())
      : lanes_(lanes), owner_(std::move(first)), current_(owner_.get()) {}

  /// Lanes that still read the value must have no task that uses this object any more.
  ~LaneLocal() { lanes_.retire(std::move(owner_)); }
  LaneLocal(const LaneLocal&) = delete;
  LaneLocal& operator=(const LaneLocal&) = delete;

  /// One control thread at a time.
  void publish(std::shared_ptr<const T> next) {
    current_.store(next.get(), std::memory_order_release);
    lanes_.retire(std::exchange(owner_, std::move(next)));
  }

  /// On a lane; valid until its next quiescent point.
  [[nodiscard]] const T& read() const noexcept { return *current_.load(std::memory_order_acquire); }
  /// On the publishing control thread.
  [[nodiscard]] const std::shared_ptr<const T>& owner() const noexcept { return owner_; }

 private:
  Lanes& lanes_;
  std::shared_ptr<const T> owner_;
  std::atomic<const T*> current_;
};

}  // namespace weft
