/// Slots, their merging and their order.

#include "gossip/outbox.hpp"

#include <algorithm>
#include <utility>

namespace weft::gossip {

void Outbox::add_state(const std::string& channel, SlotKey key) {
  Channel& waiting = channels_[channel];
  const auto slot = waiting.slots.try_emplace(key).first;
  slot->second.state = true;
  drop_all(waiting, slot);  // the state includes them
}

void Outbox::add_peers(const std::string& channel, SlotKey slot, const PeerNames& names) {
  if (!names.empty()) {
    channels_[channel].slots[slot].peers.insert(names.begin(), names.end());
  }
}

bool Outbox::add_payload(const std::string& channel, SlotKey key, Bytes payload, bool has_state) {
  const std::size_t cost = payload.size() + overhead_bytes;
  if (!has_state && (cost > max_channel_bytes || payload_bytes_ + cost > max_bytes)) {
    return true;
  }
  Channel& waiting = channels_[channel];
  waiting.payload_bytes += cost;
  payload_bytes_ += cost;
  waiting.slots[key].payloads.push_back(std::move(payload));
  if (waiting.payload_bytes <= max_channel_bytes) {
    return false;
  }
  if (has_state) {
    for (auto slot = waiting.slots.begin(); slot != waiting.slots.end();) {
      drop_all(waiting, slot++);
    }
    add_state(channel, SlotKey{});
    return false;
  }
  while (waiting.payload_bytes > max_channel_bytes) {
    drop_oldest(waiting, std::find_if(waiting.slots.begin(), waiting.slots.end(),
                                      [](auto& slot) { return !slot.second.payloads.empty(); }));
  }
  return true;
}

std::optional<Outbox::Item> Outbox::take() {
  if (channels_.empty()) {
    return std::nullopt;
  }
  auto at = channels_.upper_bound(last_served_);
  if (at == channels_.end()) {
    at = channels_.begin();
  }
  Channel& channel = at->second;
  const auto slot = channel.slots.begin();
  Item item{at->first, slot->first, take_from(channel, slot->second)};
  if (slot->second.is_empty()) {
    channel.slots.erase(slot);
  }
  if (channel.slots.empty()) {
    channels_.erase(at);
  }
  last_served_ = item.channel;
  return item;
}

void Outbox::drop_oldest(Channel& channel, std::map<SlotKey, Slot>::iterator slot) {
  count_out(channel, slot->second.payloads.front());
  slot->second.payloads.pop_front();
  if (slot->second.is_empty()) {
    channel.slots.erase(slot);
  }
}

void Outbox::drop_all(Channel& channel, std::map<SlotKey, Slot>::iterator slot) {
  for (const Bytes& payload : slot->second.payloads) {
    count_out(channel, payload);
  }
  slot->second.payloads.clear();
  if (slot->second.is_empty()) {
    channel.slots.erase(slot);
  }
}

Outbox::Content Outbox::take_from(Channel& channel, Slot& slot) {
  if (std::exchange(slot.state, false)) {
    return CompleteState{};
  }
  if (!slot.peers.empty()) {
    return std::exchange(slot.peers, {});
  }
  Bytes payload = std::move(slot.payloads.front());
  slot.payloads.pop_front();
  count_out(channel, payload);
  return payload;
}

void Outbox::count_out(Channel& channel, const Bytes& payload) {
  channel.payload_bytes -= payload.size() + overhead_bytes;
  payload_bytes_ -= payload.size() + overhead_bytes;
}

}  // namespace weft::gossip
