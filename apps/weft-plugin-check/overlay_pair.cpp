/// Namespaces, a veth pair, two nodes and the frames between them.

#include "overlay_pair.hpp"

#include <cstring>
#include <thread>

#include <fmt/core.h>

#include <weft/events/topology.hpp>
#include <weft/net/headers.hpp>

namespace weft::conformance {
namespace {

constexpr std::uint16_t port = 6783;  // of the mesh, and by convention of overlays over UDP

std::byte pattern(std::size_t at, std::uint32_t number) {
  return static_cast<std::byte>((at * 7 + number) & 0xFFU);
}

/// Header, marker, number, and octets that follow from the number. At least 64 bytes.
void fill(std::span<std::byte> frame, std::uint32_t number) {
  std::memset(frame.data(), 0xff, 6);
  std::memset(frame.data() + 6, 0x02, 6);
  store_be<std::uint16_t>(frame.data() + 12, 0x88b5);  // for local experiments, IEEE 802
  std::memcpy(frame.data() + net::ethernet_header_bytes, frame_marker.data(), frame_marker.size());
  const std::size_t number_at = net::ethernet_header_bytes + frame_marker.size();
  store_be(frame.data() + number_at, number);
  for (std::size_t at = number_at + 4; at < frame.size(); ++at) {
    frame[at] = pattern(at, number);
  }
}

/// The number of a frame that `fill` made and nobody changed.
std::optional<std::uint32_t> whole_number(ByteView frame) {
  const std::size_t number_at = net::ethernet_header_bytes + frame_marker.size();
  if (frame.size() < number_at + 4 || std::memcmp(frame.data() + net::ethernet_header_bytes,
                                                  frame_marker.data(), frame_marker.size()) != 0) {
    return std::nullopt;
  }
  const auto number = load_be<std::uint32_t>(frame.data() + number_at);
  for (std::size_t at = number_at + 4; at < frame.size(); ++at) {
    if (frame[at] != pattern(at, number)) {
      return std::nullopt;
    }
  }
  return number;
}

/// Forwards one frame, once.
class OneFrame final : public LaneTask {
 public:
  OneFrame(Forwarder& forwarder, PeerName from, PeerName to, std::size_t bytes,
           std::uint32_t number)
      : forwarder_(forwarder), from_(from), to_(to), bytes_(bytes), number_(number) {}

  unsigned poll(Lane& lane, unsigned /*budget*/) noexcept override {
    if (is_done.load(std::memory_order_relaxed)) {
      return 0;
    }
    const Frame frame = lane.scratch(static_cast<std::uint32_t>(bytes_));
    fill({frame.data, frame.length}, number_);
    taken = forwarder_.forward(lane, from_, to_, {&frame, 1});
    is_done.store(true, std::memory_order_release);
    return 1;
  }

  std::atomic<bool> is_done{false};
  std::size_t taken = 0;  ///< valid once done

 private:
  Forwarder& forwarder_;
  const PeerName from_;
  const PeerName to_;
  const std::size_t bytes_;
  const std::uint32_t number_;
};

/// Both peers and their short ids, as a mesh would announce them: some overlays put those on the
/// wire.
std::shared_ptr<const Topology> topology_of(PeerName self, PeerName other) {
  auto topology = std::make_shared<Topology>();
  topology->self = self;
  for (const PeerName name : {std::min(self, other), std::max(self, other)}) {
    Topology::Peer& peer = topology->peers.emplace_back();
    peer.name = name;
    peer.uid = static_cast<std::uint64_t>(name);
    peer.short_id = static_cast<std::uint16_t>(static_cast<std::uint64_t>(name) & 0xFFFU);
  }
  return topology;
}

tl::expected<void, Outcome> start_side(const Subject& subject, OverlayPair::Side& side) {
  auto trial = start_trial(subject, side.directory.path(), {side.name, "debug"});
  if (!trial) {
    return tl::unexpected(trial.error());
  }
  side.trial = *std::move(trial);
  side.trial->run_on_loop([&side] {
    for (Overlay* const overlay : side.trial->services().all<Overlay>()) {
      side.overlay = overlay;
    }
    (*side.trial->services().require<Dataplane>())->set_bridge_port(side.port);
  });
  if (side.overlay == nullptr) {
    return tl::unexpected(failed("it declares weft.overlay/1 and does not provide it",
                                 "call host.services().provide<Overlay>() in start()"));
  }
  return {};
}

Result<> connect_side(OverlayPair::Side& here, const OverlayPair::Side& there, bool outbound,
                      std::uint64_t uid, const std::optional<SessionKey>& key) {
  OverlayLink link;
  link.local = here.name;
  link.remote = there.name;
  link.connection_uid = uid;
  link.local_address = {*net::parse_ip(here.address), outbound ? std::uint16_t{50000} : port};
  link.remote_address = {*net::parse_ip(there.address), outbound ? port : std::uint16_t{50000}};
  link.outbound = outbound;
  link.session_key = key;
  link.heartbeat = OverlayPair::heartbeat;
  link.timeout = OverlayPair::timeout;
  here.listener = std::make_shared<PairListener>();
  WEFT_TRY(here.connection, here.overlay->prepare(link, here.listener));
  return {};
}

}  // namespace

std::size_t DeliveryPort::inject(Lane& /*lane*/, std::span<const Frame> batch) noexcept {
  for (const Frame& frame : batch) {
    if (const auto number = whole_number(frame.bytes())) {
      arrived_[*number % max_frames].store(true, std::memory_order_release);
    }
  }
  return batch.size();
}

void PairListener::on_established() {
  established_ = true;
}
void PairListener::on_failed(Error /*reason*/) {
  down_ = true;
}
void PairListener::on_health(bool is_healthy) {
  down_ = !is_healthy;
}
void PairListener::send_control(std::uint8_t subtag, Bytes body) {
  const std::lock_guard lock(mutex_);
  controls_.emplace_back(subtag, std::move(body));
}
std::vector<std::pair<std::uint8_t, Bytes>> PairListener::take_controls() {
  const std::lock_guard lock(mutex_);
  return std::exchange(controls_, {});
}

tl::expected<std::unique_ptr<OverlayPair>, Outcome> OverlayPair::make(const Subject& subject) {
  std::unique_ptr<OverlayPair> pair(new OverlayPair);
  for (Side* const side : {&pair->a, &pair->b}) {
    auto network = Network::make();
    if (!network) {
      return tl::unexpected(skipped(network.error().message()));
    }
    side->network.emplace(*std::move(network));
  }
  pair->a.address = "10.99.0.1";
  pair->a.name = PeerName{0xa1};
  pair->b.address = "10.99.0.2";
  pair->b.name = PeerName{0xb2};
  if (const auto laid = lay_wire({*pair->a.network, wire, pair->a.address + "/24"},
                                 {*pair->b.network, wire, pair->b.address + "/24"});
      !laid) {
    return tl::unexpected(skipped(laid.error().message()));
  }
  for (Side* const side : {&pair->a, &pair->b}) {
    side->network->enter();
    if (auto started = start_side(subject, *side); !started) {
      return tl::unexpected(std::move(started).error());
    }
    const PeerName other = side == &pair->a ? pair->b.name : pair->a.name;
    side->trial->bus().publish(events::TopologyChanged{topology_of(side->name, other)});
  }
  return pair;
}

OverlayPair::~OverlayPair() {
  disconnect();
  for (Side* const side : {&a, &b}) {
    if (side->trial && side->overlay != nullptr) {
      side->trial->run_on_loop(
          [side] { (*side->trial->services().require<Dataplane>())->set_bridge_port(nullptr); });
    }
  }
}

Result<> OverlayPair::connect(std::optional<SessionKey> key) {
  disconnect();
  // What the kernel still holds of an earlier connection must not pass for this one's.
  const std::uint64_t uid = ++last_uid_;
  WEFT_TRY(connect_side(b, a, false, uid, key));
  WEFT_TRY(connect_side(a, b, true, uid, key));
  b.connection->confirm();
  a.connection->confirm();
  if (!wait([this] { return a.listener->is_established() && b.listener->is_established(); },
            std::chrono::seconds{10})) {
    return fail(Errc::timeout,
                fmt::format("establish a connection within 10 s: {} never did",
                            !a.listener->is_established() ? "the side that dialled"
                                                          : "the side that listened"));
  }
  return {};
}

void OverlayPair::disconnect() {
  a.connection.reset();
  b.connection.reset();
}

std::optional<std::uint32_t> OverlayPair::send(Side& from, Side& to, std::size_t bytes) {
  const std::uint32_t number = ++last_number_;
  const std::shared_ptr<Forwarder> forwarder = from.connection->forwarder();
  OneFrame task(*forwarder, from.name, to.name, bytes, number);
  const LaneRegistration registration = from.trial->lanes().add(0, task, {});
  while (!task.is_done.load(std::memory_order_acquire)) {
    from.trial->lanes().synchronize();
  }
  return task.taken == 1 ? std::optional(number) : std::nullopt;
}

bool OverlayPair::deliver(Side& from, Side& to, std::size_t bytes) {
  const TimePoint deadline = host::MainLoop::now() + std::chrono::seconds{5};
  while (host::MainLoop::now() < deadline) {
    const auto number = send(from, to, bytes);
    if (wait([&] { return number && to.port->has_arrived(*number); },
             std::chrono::milliseconds{200})) {
      return true;
    }
  }
  return false;
}

bool OverlayPair::wait(const std::function<bool()>& is_done, Duration patience) {
  const TimePoint deadline = host::MainLoop::now() + patience;
  while (!is_done()) {
    if (host::MainLoop::now() > deadline) {
      return false;
    }
    carry_controls();
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

void OverlayPair::carry_controls() {
  for (const auto& [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    for (const auto& [subtag, body] : from->listener->take_controls()) {
      if (to->connection) {
        to->connection->on_control(subtag, body);
      }
    }
  }
}

Result<> OverlayPair::set_wire(bool is_up) {
  a.network->enter();
  return set_interface(wire, is_up);
}

}  // namespace weft::conformance
