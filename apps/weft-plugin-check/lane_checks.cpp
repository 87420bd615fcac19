/// Rules of lanes, under frames from both sides of the node.

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstring>

#include <fmt/core.h>

#include <weft/service/dataplane.hpp>
#include <weft/service/overlay.hpp>
#include <weft/unique_fd.hpp>

#include "check.hpp"
#include "lane_watch.hpp"
#include "network.hpp"
#include "runtime/lanes/lane_worker.hpp"
#include "stage.hpp"

namespace weft::conformance {
namespace {

using host::Trial;

constexpr PeerName elsewhere{2};

/// An Ethernet broadcast of `length` bytes, of the type for local experiments.
/// Source: IEEE 802, clause 9.2.3.
Bytes make_frame(std::size_t length) {
  Bytes frame(length);
  std::memset(frame.data(), 0xff, 6);
  frame[6] = std::byte{0x02};
  frame[11] = std::byte{0x07};
  store_be<std::uint16_t>(frame.data() + 12, 0x88b5);
  return frame;
}

constexpr unsigned busy_cycles = 500;

/// Gives the dataplane frames as if an overlay had received them, for busy_cycles.
class OverlaySide final : public LaneTask {
 public:
  OverlaySide(Dataplane& dataplane, PeerName here) : dataplane_(dataplane), here_(here) {}

  unsigned poll(Lane& lane, unsigned /*budget*/) noexcept override {
    if (cycles_.load(std::memory_order_relaxed) >= busy_cycles) {
      return 0;
    }
    std::array<Frame, 4> frames{};
    for (Frame& frame : frames) {
      frame = lane.scratch(static_cast<std::uint32_t>(frame_.size()));
      if (frame.data == nullptr) {
        return 0;
      }
      std::memcpy(frame.data, frame_.data(), frame_.size());
    }
    dataplane_.from_overlay(lane, {elsewhere, here_, frames});
    cycles_.fetch_add(1, std::memory_order_relaxed);
    return static_cast<unsigned>(frames.size());
  }
  /// Any thread.
  [[nodiscard]] bool is_done() const noexcept { return cycles_.load() >= busy_cycles; }

 private:
  Dataplane& dataplane_;
  const PeerName here_;
  const Bytes frame_ = make_frame(200);
  std::atomic<unsigned> cycles_{0};
};

/// Broadcasts on every interface of this process's network that is up.
void send_on_every_interface(const Bytes& frame) {
  const UniqueFd socket{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  struct if_nameindex* const interfaces = if_nameindex();
  for (auto* one = interfaces; one != nullptr && one->if_index != 0; ++one) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(one->if_index);
    to.sll_halen = ETH_ALEN;
    std::memset(to.sll_addr, 0xff, ETH_ALEN);
    static_cast<void>(sendto(socket.get(), frame.data(), frame.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to));
  }
  if_freenameindex(interfaces);
}

/// Frames from both sides until the overlay's side is done. Returns how many the lane handled.
std::uint64_t drive(Trial& trial, const OverlaySide& overlay_side) {
  const auto deadline = host::MainLoop::now() + std::chrono::seconds{20};
  for (int round = 0; round < 50 || !overlay_side.is_done(); ++round) {
    WEFT_CHECK(host::MainLoop::now() < deadline, "a lane has some hundred poll cycles in 20 s");
    send_on_every_interface(make_frame(100));
    send_on_every_interface(make_frame(1400));
    trial.lanes().synchronize();
  }
  return trial.lane_statistics().frames;
}

}  // namespace

Outcome judge_lanes(const std::vector<std::string>& finds, std::uint64_t frames) {
  if (finds.empty()) {
    return passed(
        fmt::format("no allocation, lock, blocking call or exception in {} frames", frames));
  }
  return failed(finds.size() == 1
                    ? finds.front()
                    : fmt::format("{}; and {} more places", finds.front(), finds.size() - 1),
                "allocate in start(), count instead of logging, send to the plugin's loop what "
                "needs more; addr2line -e FILE OFFSET names the line");
}

Outcome check_lanes(const Subject& subject) {
  if (!can_watch_lanes()) {
    return skipped("builds with sanitizers cannot watch lanes");
  }
  if (provides(subject, Overlay::service)) {
    return check_overlay_lanes(subject);
  }
  const auto network = Network::make();
  if (!network) {
    return skipped(network.error().message());
  }
  const TemporaryDirectory directory;
  auto trial = start_trial(subject, directory.path(), {PeerName{1}, "debug"});
  if (!trial) {
    return trial.error();
  }
  if ((*trial)->lane_statistics().tasks == 0) {
    return skipped("it puts no task on a lane");
  }
  Dataplane* const dataplane = *(*trial)->services().require<Dataplane>();
  OverlaySide overlay_side(*dataplane, PeerName{1});
  std::uint64_t frames = 0;
  {
    begin_lane_watch();
    const LaneRegistration registration = (*trial)->lanes().add(0, overlay_side, {});
    frames = drive(**trial, overlay_side);
  }
  return judge_lanes(end_lane_watch(), frames);
}

}  // namespace weft::conformance
