/// Opens taps, keeps what they saw until it is read, and closes those that nobody reads.

#include "runtime/host/bus_taps.hpp"

#include <utility>
#include <vector>

#include <fmt/core.h>

namespace weft::host {

void BusTaps::handle(const TapRequest& request, Reply<std::string> reply) {
  if (request.id) {
    read(static_cast<std::uint64_t>(*request.id), std::move(reply));
    return;
  }
  const auto opened = open(*request.topic);
  if (!opened) {
    reply(tl::unexpected(opened.error()));
    return;
  }
  answer(*opened, std::move(reply));
}

Result<std::uint64_t> BusTaps::open(const std::string& topic) {
  if (taps_.size() >= max_taps) {
    return fail(Errc::denied,
                fmt::format("tap '{}': {} taps are open; end one of them", topic, taps_.size()));
  }
  const std::uint64_t id = ++last_id_;
  Subscription subscription;
  WEFT_TRY(subscription,
           bus_.tap(topic, [this, id](TappedEvent event) { add(id, std::move(event)); }));
  taps_[id].subscription = std::move(subscription);
  return id;
}

void BusTaps::read(std::uint64_t id, Reply<std::string> reply) {
  const auto found = taps_.find(id);
  if (found == taps_.end()) {
    reply(fail(Errc::not_found, fmt::format("read tap {}: it is not open; one that is not read for "
                                            "{} s is closed",
                                            id, longest_silence.count())));
    return;
  }
  Tap& tap = found->second;
  if (tap.reader) {
    reply(fail(Errc::conflict, fmt::format("read tap {}: another read waits", id)));
    return;
  }
  if (!tap.events.empty()) {
    answer(id, std::move(reply));
    return;
  }
  tap.reader = std::move(reply);
  tap.deadline = loop_.after(
      longest_wait, [this, id] { answer(id, *std::exchange(taps_.at(id).reader, std::nullopt)); });
}

void BusTaps::add(std::uint64_t id, TappedEvent event) {
  Tap& tap = taps_.at(id);
  if (tap.events.size() >= max_waiting) {
    tap.events.pop_front();
    tap.events.front().after_gap = true;
  }
  tap.events.push_back(std::move(event));
  if (tap.reader) {
    answer(id, *std::exchange(tap.reader, std::nullopt));
  }
}

void BusTaps::answer(std::uint64_t id, Reply<std::string> reply) {
  Tap& tap = taps_.at(id);
  const std::vector<TappedEvent> events(std::make_move_iterator(tap.events.begin()),
                                        std::make_move_iterator(tap.events.end()));
  tap.events.clear();
  reply(tap_json(id, events, loop_.now(), loop_.wall_now()));
  tap.deadline = loop_.after(longest_silence, [this, id] { taps_.erase(id); });
}

}  // namespace weft::host
