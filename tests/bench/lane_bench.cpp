/// What a frame costs on its way through a lane: cut from a GSO packet, packed into a datagram,
/// taken out of one, joined again. Of 64 KiB TCP GSO packets at an MTU of 1376.

#include <netinet/udp.h>
#include <poll.h>

#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include <weft/bytes.hpp>
#include <weft/testing/fake_lanes.hpp>

#include "bridge/coalescer.hpp"
#include "fabric/segment.hpp"
#include "runtime/lanes/scratch_arena.hpp"
#include "runtime/metrics/registry.hpp"
#include "sleeve/lane_port.hpp"
#include "sleeve/lane_receiver.hpp"

namespace weft::bench {
namespace {

constexpr std::size_t headers_bytes = 14 + 20 + 32;  // with the timestamp option, as Linux sends
constexpr std::uint16_t segment_bytes = 1376 - 20 - 32;
constexpr std::size_t payload_bytes = 45 * segment_bytes;
constexpr std::int64_t frames_each = 45;
constexpr std::int64_t iterations = 20'000;  // fixed, so that instructions can be counted
constexpr PeerName here{1};
constexpr PeerName there{2};

/// As a tap hands it over: IPv4, TCP, checksum left to do.
class SuperFrame {
 public:
  SuperFrame() : octets_(headers_bytes + payload_bytes, std::byte{0x5A}) {
    std::byte* const ip = octets_.data() + 14;
    store_be<std::uint16_t>(ip - 2, 0x0800);
    ip[0] = std::byte{0x45};
    store_be(ip + 2, static_cast<std::uint16_t>(octets_.size() - 14));
    store_be<std::uint16_t>(ip + 6, 0x4000);
    ip[9] = std::byte{6};
    ip[20 + 12] = std::byte{0x80};
    ip[20 + 13] = std::byte{0x10};
  }

  [[nodiscard]] Frame frame() {
    Frame frame{octets_.data(), static_cast<std::uint32_t>(octets_.size()), 0, {}};
    frame.offload = {.segmentation = Offload::Segmentation::tcp4,
                     .needs_checksum = true,
                     .header_bytes = headers_bytes,
                     .segment_bytes = segment_bytes,
                     .checksum_start = 34,
                     .checksum_offset = 16};
    return frame;
  }

 private:
  Bytes octets_;
};

/// The frames that a lane cuts it into.
void cut(ScratchArena& arena, SuperFrame& super, std::vector<Frame>& frames) {
  arena.reset();
  frames.clear();
  auto segmenter = dataplane::Segmenter::create(super.frame());
  while (const std::uint32_t length = segmenter->next_length()) {
    Frame piece = arena.take(length);
    segmenter->write_next(piece.data);
    piece.length = length;
    frames.push_back(piece);
  }
}

/// `copied`: octets that each frame is copied in user space.
void report(benchmark::State& state, std::int64_t frames, double copied) {
  state.counters["time_per_frame"] = benchmark::Counter(
      static_cast<double>(frames), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["copied_per_frame"] = copied;
}

void cut_super_frames(benchmark::State& state) {
  ScratchArena arena;
  SuperFrame super;
  std::vector<Frame> frames;
  for (auto _ : state) {
    cut(arena, super, frames);
  }
  report(state, state.iterations() * frames_each, headers_bytes + segment_bytes);
}
BENCHMARK(cut_super_frames)->Iterations(iterations);

void join_frames(benchmark::State& state) {
  ScratchArena arena;
  SuperFrame super;
  std::vector<Frame> frames;
  cut(arena, super, frames);
  bridge::Coalescer coalescer(true);
  std::size_t packets = 0;
  for (auto _ : state) {
    for (const Frame& frame : frames) {
      benchmark::DoNotOptimize(coalescer.add(frame));
    }
    coalescer.drain([&packets](const bridge::Coalescer::Packet& packet) {
      benchmark::DoNotOptimize(packet.parts.data());
      ++packets;
      return true;
    });
  }
  report(state, state.iterations() * frames_each, headers_bytes / static_cast<double>(frames_each));
  if (packets != static_cast<std::size_t>(state.iterations())) {
    state.SkipWithError("a batch was not joined to one packet");
  }
}
BENCHMARK(join_frames)->Iterations(iterations);

class CountingDataplane final : public Dataplane {
 public:
  void from_bridge(Lane& /*lane*/, std::span<const Frame> /*batch*/) noexcept override {}
  void from_overlay(Lane& /*lane*/, const OverlayBatch& batch) noexcept override {
    frames += static_cast<std::int64_t>(batch.frames.size());
  }
  void set_bridge_port(std::shared_ptr<BridgePort> /*port*/) override {}

  std::int64_t frames = 0;
};

/// Both ends of a connection on one lane, with real sockets on the loopback interface.
struct Pair {
  explicit Pair(bool is_encrypted) {
    using sleeve::DfClass;
    const sleeve::SocketOptions options{*net::parse_endpoint("127.0.0.1:0"), 8 << 20, 8 << 20};
    const UniqueFd bound = sleeve::open_udp(options).value();
    sleeve::Sockets senders;
    senders[static_cast<std::size_t>(DfClass::dont_fragment)] =
        sleeve::open_udp_sender(AF_INET, overlay::local_of(bound).port, 8 << 20,
                                DfClass::dont_fragment)
            .value();
    to = sleeve::open_udp(options).value();
    const net::Endpoint remote{net::IpAddress::v4(0x7F000001), overlay::local_of(to).port};
    OverlayLink link;
    link.local = here;
    link.remote = there;
    link.outbound = true;
    if (is_encrypted) {
      link.session_key.emplace();
    }
    sender = std::make_unique<sleeve::LaneSender>(
        here, sleeve::DatagramBatch::Context{counters, events, doorbell});
    peer = std::make_shared<sleeve::Peer>(lanes, ports, link, 1);
    peer->use_sockets(std::move(senders));
    peer->path.publish(std::make_shared<const sleeve::PathView>(sleeve::PathView{
        remote, sleeve::Destination(AF_INET, remote, remote.address), {.mtu = 1376}, 1472}));
    std::swap(link.local, link.remote);
    link.outbound = false;
    peers.set(link.remote, std::make_shared<sleeve::Peer>(lanes, ports, link, 2));
  }

  void send(const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) {
      std::byte* const record = frame.data - sleeve::record_header_bytes;
      sleeve::write_record_header(record, here, there, frame.length);
      sender->stage(
          lanes.lane(), *peer, sleeve::DfClass::dont_fragment,
          {.bytes = record,
           .length = frame.length + static_cast<std::uint32_t>(sleeve::record_header_bytes),
           .room = frame.headroom - static_cast<std::uint32_t>(sleeve::record_header_bytes)});
    }
    sender->flush(lanes.lane());
  }

  /// Everything that has arrived.
  void receive() {
    receiver.begin_cycle();
    while (receiver.receive(lanes.lane(), to.get(), max_batch) != 0) {
      receiver.begin_cycle();
    }
  }

  testing::FakeLanes lanes;
  MetricRegistry metrics;
  sleeve::Counters counters{metrics};
  sleeve::LaneEvents events;
  Doorbell doorbell;
  CountingDataplane dataplane;
  std::shared_ptr<PerLane<sleeve::LanePort>> ports =
      std::make_shared<PerLane<sleeve::LanePort>>(std::vector<std::unique_ptr<sleeve::LanePort>>{});
  UniqueFd to;
  std::unique_ptr<sleeve::LaneSender> sender;
  std::shared_ptr<sleeve::Peer> peer;
  sleeve::PeerTable peers{lanes};
  sleeve::LaneReceiver receiver{{there, dataplane, peers, counters, events, doorbell}};
};

/// Frames in, datagrams through the kernel, frames out; cutting is not counted.
void frames_through_sockets(benchmark::State& state, bool is_encrypted) {
  Pair pair(is_encrypted);
  ScratchArena arena;
  SuperFrame super;
  std::vector<Frame> frames;
  for (auto _ : state) {
    state.PauseTiming();
    cut(arena, super, frames);
    state.ResumeTiming();
    pair.send(frames);
    pair.receive();
  }
  const std::int64_t sent = state.iterations() * frames_each;
  report(state, sent,
         static_cast<double>(pair.counters.copies.value()) / static_cast<double>(sent));
  if (pair.dataplane.frames < sent) {
    state.SkipWithError("frames were lost");
  }
}
BENCHMARK_CAPTURE(frames_through_sockets, clear, false)->Iterations(iterations);
BENCHMARK_CAPTURE(frames_through_sockets, encrypted, true)->Iterations(iterations);

}  // namespace
}  // namespace weft::bench
