#pragma once
/// The bus itself: topics, their current values and who reads them.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bus.hpp>
#include <weft/export.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>

#include "runtime/bus/mailbox.hpp"

namespace weft {

/// How one topic is doing.
struct TopicStatistics {
  std::string topic;
  bool is_state = false;
  std::uint64_t published = 0;
  std::size_t current_values = 0;  ///< state topics: keys a late subscriber would get
  std::vector<SubscriberStatistics> subscribers;
};

/// One event as it was published, for people.
struct TappedEvent {
  TimePoint published{};
  std::string publisher;  ///< the plugin; empty when it is gone
  std::string key;        ///< empty for signals
  TraceId trace = 0;
  std::string text;        ///< empty when the event type has none
  bool after_gap = false;  ///< events before this one were dropped: the tap was slow
};

class BusCore;

/// One plugin's view of the bus. Owned by the host; destroy it after the plugin and its loop ended.
class WEFT_EXPORT BusView final : public Bus {
 public:
  BusView(BusCore& core, std::uint32_t id, std::string plugin, Loop& loop);
  /// Releases everything the plugin published: after that, no memory of its library is in use.
  ~BusView();
  BusView(const BusView&) = delete;
  BusView& operator=(const BusView&) = delete;

  /// Calls `handler` on this view's loop for each event published on `topic` from now on, up to
  /// `depth` behind: then the oldest are dropped, so that a tap never slows the bus. State topics
  /// are not coalesced. Errors: Errc::not_found, naming the nearest topic.
  [[nodiscard]] Result<Subscription> tap(std::string_view topic,
                                         UniqueFunction<void(TappedEvent)> handler,
                                         std::size_t depth = default_signal_depth);

 private:
  [[nodiscard]] Topic& topic(const TopicType& type) override;
  [[nodiscard]] Subscription subscribe_erased(Topic& topic,
                                              UniqueFunction<void(const void*)> handler,
                                              Task on_gap, std::size_t depth) override;
  void publish_erased(Topic& topic, std::shared_ptr<const void> event) noexcept override;
  void retract_erased(Topic& topic, std::string key) noexcept override;

  [[nodiscard]] std::shared_ptr<Subscriber> new_subscriber(const Topic& topic, std::size_t depth);

  BusCore& core_;
  const std::uint32_t id_;
  std::shared_ptr<Mailbox> mailbox_;
};

/// One per node, owned by the host; outlives every view and subscription. Any thread.
class WEFT_EXPORT BusCore {
 public:
  /// Counts in `metrics`, which outlives this.
  explicit BusCore(Metrics& metrics);
  ~BusCore();
  BusCore(const BusCore&) = delete;
  BusCore& operator=(const BusCore&) = delete;

  /// The bus as `plugin` sees it, delivering on `loop`.
  [[nodiscard]] std::unique_ptr<BusView> view(std::string plugin, Loop& loop);

  /// Sorted by topic.
  [[nodiscard]] std::vector<TopicStatistics> statistics() const;

 private:
  friend class BusView;
  [[nodiscard]] Topic& topic(const TopicType& type);
  [[nodiscard]] Result<Topic*> find_topic(std::string_view name);
  void forget_publisher(std::uint32_t publisher) noexcept;
  [[nodiscard]] std::string publisher_name(std::uint32_t publisher) const;

  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;  // nodes never move
  std::map<std::uint32_t, std::string> publishers_;                    // the views' plugins, by id
  std::uint32_t next_view_ = 1;
};

}  // namespace weft
