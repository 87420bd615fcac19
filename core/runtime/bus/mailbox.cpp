/// Queueing, coalescing, overflow and delivery for one plugin.

#include "runtime/bus/mailbox.hpp"

#include <algorithm>

#include "runtime/loop/activity.hpp"
#include "runtime/loop/trace.hpp"

namespace weft {

void Mailbox::push(const std::shared_ptr<Subscriber>& subscriber,
                   const std::shared_ptr<const Envelope>& envelope) {
  const std::lock_guard lock(mutex_);
  Subscriber& to = *subscriber;
  if (to.is_state) {
    const auto waiting = to.position_of_key.find(envelope->key);
    if (waiting != to.position_of_key.end()) {
      to.queue[waiting->second - to.first_position] = envelope;
      ++to.statistics.coalesced;
      return;
    }
    to.position_of_key.emplace(envelope->key, to.first_position + to.queue.size());
  } else if (to.queue.size() >= to.limit) {
    // The oldest makes room; its turn passes to the next of this subscription.
    to.queue.pop_front();
    ++to.first_position;
    to.queue.push_back(envelope);
    to.has_gap = true;
    ++to.statistics.dropped;
    if (to.dropped != nullptr) {
      to.dropped->add();
    }
    return;
  }
  to.queue.push_back(envelope);
  to.statistics.high_water = std::max(to.statistics.high_water, to.queue.size());
  turns_.push_back(subscriber);
}

void Mailbox::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (turns_.empty() || std::exchange(is_scheduled_, true)) {
      return;
    }
  }
  loop_.post([self = shared_from_this()] { self->deliver(); });
}

Mailbox::Delivery Mailbox::next() {
  const std::lock_guard lock(mutex_);
  while (!turns_.empty()) {
    std::shared_ptr<Subscriber> subscriber = std::move(turns_.front());
    turns_.pop_front();
    Subscriber& from = *subscriber;
    if (from.queue.empty()) {
      continue;
    }
    std::shared_ptr<const Envelope> envelope = std::move(from.queue.front());
    from.queue.pop_front();
    ++from.first_position;
    if (from.is_state) {
      from.position_of_key.erase(envelope->key);
    }
    ++from.statistics.delivered;
    return {std::move(subscriber), std::move(envelope), std::exchange(from.has_gap, false)};
  }
  is_scheduled_ = false;
  return {};
}

void Mailbox::deliver() {
  for (std::size_t done = 0; done < deliveries_per_turn; ++done) {
    const Delivery delivery = next();
    if (!delivery.subscriber) {
      return;
    }
    Subscriber& to = *delivery.subscriber;
    const ActivityScope scope(to.topic);
    const TraceScope caused_by(delivery.envelope->trace);
    if (to.latency != nullptr) {
      to.latency->observe(
          std::chrono::duration<double>(loop_.now() - delivery.envelope->published).count());
    }
    to.is_running = true;
    if (delivery.after_gap && to.on_gap && !to.is_closed) {
      to.on_gap();
    }
    if (!to.is_closed) {
      to.handler(*delivery.envelope);
    }
    to.is_running = false;
    HandlerScope::flush();  // what this handler published need not wait for the next ones
    if (to.is_closed) {
      to.handler = {};
      to.on_gap = {};
    }
  }
  loop_.post([self = shared_from_this()] { self->deliver(); });
}

void Mailbox::close(Subscriber& subscriber) noexcept {
  std::deque<std::shared_ptr<const Envelope>> unread;  // destroyed without the lock
  {
    const std::lock_guard lock(mutex_);
    unread.swap(subscriber.queue);
    subscriber.first_position += unread.size();
    subscriber.position_of_key.clear();
  }
  subscriber.is_closed = true;
  if (!subscriber.is_running) {
    subscriber.handler = {};
    subscriber.on_gap = {};
  }
}

void Mailbox::forget_publisher(std::uint32_t publisher) noexcept {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Subscriber>& subscriber : turns_) {
    Subscriber& to = *subscriber;
    const auto gone = std::erase_if(
        to.queue, [&](const auto& envelope) { return envelope->publisher == publisher; });
    if (gone == 0) {
      continue;
    }
    to.position_of_key.clear();
    for (std::size_t i = 0; to.is_state && i < to.queue.size(); ++i) {
      to.position_of_key.emplace(to.queue[i]->key, to.first_position + i);
    }
  }
}

void Mailbox::clear() noexcept {
  std::deque<std::shared_ptr<Subscriber>> turns;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  turns.swap(turns_);
}

SubscriberStatistics Mailbox::statistics(const Subscriber& subscriber) const {
  const std::lock_guard lock(mutex_);
  SubscriberStatistics result = subscriber.statistics;
  result.plugin = plugin_;
  result.depth = subscriber.queue.size();
  if (subscriber.latency != nullptr) {
    result.latency = subscriber.latency->values();
  }
  return result;
}

}  // namespace weft
