/// Carries out flow plans for one batch on one lane.

#include "fabric/forwarding.hpp"

#include <algorithm>
#include <cstring>

#include <weft/net/headers.hpp>

#include "fabric/segment.hpp"

namespace weft::dataplane {
namespace {

constexpr std::uint32_t source_at = 6;
constexpr std::size_t both_macs_bytes = 12;

net::Mac destination_mac(const Frame& frame) {
  return net::Mac::load(frame.data);
}

}  // namespace

Counters::Counters(Metrics& metrics)
    : captured(metrics.counter("weft_dataplane_captured_frames_total",
                               "Frames taken from the local bridge, GSO packets as one.")),
      received(
          metrics.counter("weft_dataplane_received_frames_total", "Frames received by overlays.")),
      delivered(metrics.counter("weft_dataplane_delivered_frames_total",
                                "Frames put on the local bridge.")),
      forwarded(metrics.counter("weft_dataplane_forwarded_frames_total",
                                "Frames handed to forwarders, each copy of a broadcast.")),
      copied(metrics.counter("weft_dataplane_copied_frames_total",
                             "Frames copied because they had several destinations.")),
      segmented(metrics.counter("weft_dataplane_segments_total", "Segments of GSO packets.")),
      learned(metrics.counter("weft_dataplane_macs_learned_total", "MAC addresses first heard.")),
      replaced(
          metrics.counter("weft_dataplane_macs_replaced_total",
                          "MAC addresses that made room for others: the oldest ones of the peer "
                          "with most of them.")),
      moved(metrics.counter("weft_dataplane_mac_moves_total",
                            "MAC addresses heard at another peer than before.")),
      unlearned(metrics.counter("weft_dataplane_macs_unlearned_total",
                                "Frames whose source found no room in the MAC table.")) {
  for (std::size_t i = 0; i < drops.size(); ++i) {
    drops[i] = &metrics.counter("weft_dataplane_dropped_frames_total", "Frames dropped, by reason.",
                                {{"reason", std::string(drop_reason_names[i])}});
  }
}

void Forwarding::drop(Drop reason, std::uint64_t frames) noexcept {
  count(*node_.counters.drops[static_cast<std::size_t>(reason)], frames);
}

void Forwarding::learn(const Frame& frame, PeerName peer) noexcept {
  switch (node_.macs.learn(net::Mac::load(frame.data + source_at), peer, lane_.now())) {
    case Learned::known:
      break;
    case Learned::added:
      count(node_.counters.learned);
      break;
    case Learned::replaced:
      count(node_.counters.learned);
      count(node_.counters.replaced);
      node_.room.ring();
      break;
    case Learned::moved:
      count(node_.counters.moved);
      node_.moves.ring();
      break;
    case Learned::full:
      count(node_.counters.unlearned);
      node_.room.ring();
      break;
  }
}

void Forwarding::capture(std::span<const Frame> frames) noexcept {
  count(node_.counters.captured, frames.size());
  for (const Frame& frame : frames) {
    capture_one(frame);
  }
  finish_run();
}

void Forwarding::capture_one(Frame frame) noexcept {
  if (frame.length < net::ethernet_header_bytes) {
    drop(Drop::too_short);
    return;
  }
  const net::Mac destination = destination_mac(frame);
  const FlowPlan plan = plan_captured(node_.self, destination, node_.macs.find(destination));
  if (plan.learns_source) {
    learn(frame, plan.origin);
  }
  if (plan.drop != Drop::none) {
    drop(plan.drop);
  } else if (!has_target(plan)) {
    return;
  } else if (frame.offload.segmentation != Offload::Segmentation::none) {
    segment(plan, frame);
  } else if (frame.offload.needs_checksum && !complete_checksum(frame)) {
    drop(Drop::bad_offload);
  } else {
    append(plan, frame);
  }
}

void Forwarding::segment(const FlowPlan& plan, const Frame& frame) noexcept {
  auto segmenter = Segmenter::create(frame);
  if (!segmenter) {
    drop(Drop::bad_offload);
    return;
  }
  std::uint32_t made = 0;
  for (std::uint32_t length = segmenter->next_length(); length != 0;
       length = segmenter->next_length()) {
    Frame piece = lane_.scratch(length);
    if (piece.data == nullptr) {
      drop(Drop::no_buffer, segmenter->count() - made);
      break;
    }
    segmenter->write_next(piece.data);
    piece.length = length;
    append(plan, piece);
    ++made;
  }
  count(node_.counters.segmented, made);
}

void Forwarding::receive(const OverlayBatch& batch) noexcept {
  count(node_.counters.received, batch.frames.size());
  std::array<Frame, max_batch> ours;
  std::size_t ours_size = 0;
  FlowPlan plan;
  const Frame* planned = nullptr;  // the frame of `plan`: most GSO batches are of one pair of MACs
  for (const Frame& frame : batch.frames) {
    if (frame.length < net::ethernet_header_bytes) {
      drop(Drop::too_short);
      continue;
    }
    if (planned == nullptr || std::memcmp(frame.data, planned->data, both_macs_bytes) != 0) {
      planned = &frame;
      plan = plan_received(node_.self, batch.source, batch.destination,
                           node_.macs.find(destination_mac(frame)));
      if (plan.learns_source) {
        learn(frame, plan.origin);
      }
    }
    if (plan.drop != Drop::none) {
      drop(plan.drop);
      continue;
    }
    if (plan.is_delivered) {
      ours[ours_size++] = frame;
      if (ours_size == ours.size()) {
        deliver(ours);
        ours_size = 0;
      }
    }
    if (has_target(plan)) {
      append(plan, frame);
    }
  }
  deliver({ours.data(), ours_size});
  finish_run();
}

void Forwarding::deliver(std::span<const Frame> frames) noexcept {
  if (frames.empty()) {
    return;
  }
  if (node_.snapshot.bridge == nullptr) {
    drop(Drop::no_bridge, frames.size());
    return;
  }
  const std::size_t taken = node_.snapshot.bridge->inject(lane_, frames);
  count(node_.counters.delivered, taken);
  if (taken < frames.size()) {
    drop(Drop::refused, frames.size() - taken);
  }
}

/// Whether a frame with this plan has somewhere to go; counts the drop when it should have.
bool Forwarding::has_target(const FlowPlan& plan) noexcept {
  switch (plan.spread) {
    case FlowPlan::Spread::nowhere:
      return false;
    case FlowPlan::Spread::broadcast:
      return !node_.snapshot.table.broadcast_hops(plan.origin).empty();
    case FlowPlan::Spread::unicast:
      break;
  }
  if (node_.snapshot.table.next_hop(plan.destination) == nullptr) {
    drop(Drop::no_route);
    return false;
  }
  return true;
}

void Forwarding::append(const FlowPlan& plan, const Frame& frame) noexcept {
  if (run_size_ == run_.size() || (run_size_ != 0 && plan != plan_)) {
    finish_run();
  }
  plan_ = plan;
  run_[run_size_++] = frame;
}

void Forwarding::finish_run() noexcept {
  if (run_size_ == 0) {
    return;
  }
  const std::span<const Frame> frames{run_.data(), run_size_};
  if (plan_.spread == FlowPlan::Spread::broadcast) {
    broadcast(frames);
  } else if (const Neighbour* const hop = node_.snapshot.table.next_hop(plan_.destination)) {
    hand_over(*hop, plan_.destination, frames);
  }
  run_size_ = 0;
}

/// Forwarders change frames in place, so every hop but the last gets a copy; also the last when
/// the frame itself is on its way to the bridge.
void Forwarding::broadcast(std::span<const Frame> frames) noexcept {
  const auto hops = node_.snapshot.table.broadcast_hops(plan_.origin);
  const std::size_t copies = plan_.is_delivered ? hops.size() : hops.size() - 1;
  for (std::size_t hop = 0; hop < hops.size(); ++hop) {
    if (hop >= copies) {
      hand_over(*hops[hop], hops[hop]->name, frames);
      continue;
    }
    std::array<Frame, max_batch> batch;
    std::size_t size = 0;
    for (const Frame& frame : frames) {
      Frame copy = lane_.scratch(frame.length);
      if (copy.data == nullptr) {
        drop(Drop::no_buffer, frames.size() - size);
        break;
      }
      std::memcpy(copy.data, frame.data, frame.length);
      copy.length = frame.length;
      batch[size++] = copy;
    }
    count(node_.counters.copied, size);
    hand_over(*hops[hop], hops[hop]->name, {batch.data(), size});
  }
}

void Forwarding::hand_over(const Neighbour& neighbour, PeerName destination,
                           std::span<const Frame> frames) noexcept {
  for (const auto& forwarder : neighbour.forwarders) {
    if (frames.empty()) {
      return;
    }
    const std::size_t taken =
        std::min(forwarder->forward(lane_, plan_.origin, destination, frames), frames.size());
    count(node_.counters.forwarded, taken);
    frames = frames.subspan(taken);
  }
  if (!frames.empty()) {
    drop(Drop::refused, frames.size());
  }
}

}  // namespace weft::dataplane
