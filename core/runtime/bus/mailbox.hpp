#pragma once
/// What waits for one plugin: its subscriptions' events, in the order they were published.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include <weft/bus.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>

#include "runtime/loop/handler_scope.hpp"
#include "runtime/loop/trace.hpp"

namespace weft {

class Mailbox;

/// An event on its way. Shared by all readers; never changes.
struct Envelope {
  std::shared_ptr<const void> event;
  std::uint32_t publisher = 0;  ///< which view published it
  std::string key;              ///< empty for signals
  TraceId trace = 0;            ///< the publishing handler's, or a new one
  TimePoint published{};
};

/// How one subscription is doing.
struct SubscriberStatistics {
  std::string plugin;
  std::size_t depth = 0;       ///< events waiting now
  std::size_t high_water = 0;  ///< most that ever waited
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;    ///< signals lost because the reader was slow
  std::uint64_t coalesced = 0;  ///< state values replaced before they were read
  Histogram::Values latency;    ///< seconds from publication to delivery
};

/// One subscription's queue. Fields below `mailbox` are guarded by the mailbox's mutex; the
/// handlers belong to the subscriber's loop.
struct Subscriber {
  using Handler = UniqueFunction<void(const Envelope&)>;

  std::shared_ptr<Mailbox> mailbox;
  const char* topic = nullptr;  ///< lives as long as the bus
  Handler handler;
  Task on_gap;
  bool is_closed = false;   ///< loop's thread only
  bool is_running = false;  ///< loop's thread only

  std::size_t limit = 0;         ///< signals only
  bool is_state = false;         ///< coalesce by key
  Histogram* latency = nullptr;  ///< null for followers
  Counter* dropped = nullptr;    ///< of the topic; null for followers
  std::deque<std::shared_ptr<const Envelope>> queue;
  std::uint64_t first_position = 0;  ///< of queue.front(), counted since the subscription began
  std::unordered_map<std::string, std::uint64_t> position_of_key;  ///< state only
  bool has_gap = false;
  SubscriberStatistics statistics;
};

/// The queue in front of one plugin's loop. `push` from any thread; delivery on the loop.
/// Shared by the view, its subscriptions and the delivery that is posted.
class Mailbox final : public AtHandlerEnd, public std::enable_shared_from_this<Mailbox> {
 public:
  /// Deliveries in one round of the loop, so that timers stay punctual.
  static constexpr std::size_t deliveries_per_turn = 64;

  Mailbox(std::string plugin, Loop& loop) : plugin_(std::move(plugin)), loop_(loop) {}

  [[nodiscard]] const std::string& plugin() const noexcept { return plugin_; }
  /// Any thread.
  [[nodiscard]] TimePoint now() const noexcept { return loop_.now(); }

  /// Queues without waking the loop; follow with `wake` once no lock is held.
  void push(const std::shared_ptr<Subscriber>& subscriber,
            const std::shared_ptr<const Envelope>& envelope);
  /// Posts a delivery when something waits and none is on its way.
  void wake() noexcept;
  void at_handler_end() noexcept override { wake(); }

  /// Ends a subscription. On the loop, or after the loop ended.
  void close(Subscriber& subscriber) noexcept;
  /// Drops what `publisher` sent and was not read yet.
  void forget_publisher(std::uint32_t publisher) noexcept;
  /// Drops everything that waits: the plugin is gone.
  void clear() noexcept;
  [[nodiscard]] SubscriberStatistics statistics(const Subscriber& subscriber) const;

 private:
  struct Delivery {
    std::shared_ptr<Subscriber> subscriber;
    std::shared_ptr<const Envelope> envelope;
    bool after_gap = false;
  };

  void deliver();
  [[nodiscard]] Delivery next();

  const std::string plugin_;
  Loop& loop_;
  mutable std::mutex mutex_;
  /// One entry per waiting event: whose turn it is. An entry whose event was dropped is skipped.
  std::deque<std::shared_ptr<Subscriber>> turns_;
  bool is_scheduled_ = false;
};

}  // namespace weft
