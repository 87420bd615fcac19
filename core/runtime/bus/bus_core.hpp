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

/// One event as it was published, for people and programs.
struct FollowedEvent {
  std::string topic;
  bool is_state = false;
  TimePoint published{};
  std::string publisher;  ///< the plugin; empty when it is gone
  std::string key;        ///< empty for signals
  TraceId trace = 0;
  std::string text;        ///< empty when the event type has none
  std::string json;        ///< empty when the event type has none
  bool after_gap = false;  ///< signals before this one were dropped: the follower was slow
};

class BusCore;
class Follower;

/// One plugin's view of the bus. Owned by the host; destroy it after the plugin and its loop ended.
class WEFT_EXPORT BusView final : public Bus {
 public:
  BusView(BusCore& core, std::uint32_t id, std::string plugin, Loop& loop);
  /// Releases everything the plugin published: after that, no memory of its library is in use.
  ~BusView();
  BusView(const BusView&) = delete;
  BusView& operator=(const BusView&) = delete;

  /// Calls `handler` on this view's loop for each event on the topics that match one of `patterns`
  /// ('*' stands for any text), those included that come into being later. As for a subscriber, a
  /// state topic begins with its current values and shows the newest per key, and of signals more
  /// than `depth` behind the oldest are dropped. Nobody sees a follower in the statistics.
  [[nodiscard]] Subscription follow(std::vector<std::string> patterns,
                                    UniqueFunction<void(FollowedEvent)> handler,
                                    std::size_t depth = default_signal_depth);

 private:
  [[nodiscard]] Topic& topic(const TopicType& type) override;
  [[nodiscard]] Subscription subscribe_erased(Topic& topic,
                                              UniqueFunction<void(const void*)> handler,
                                              Task on_gap, std::size_t depth) override;
  void publish_erased(Topic& topic, std::shared_ptr<const void> event) noexcept override;
  void retract_erased(Topic& topic, std::string key) noexcept override;

  friend class Follower;
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
  /// The topics that match `pattern` now, sorted.
  [[nodiscard]] std::vector<std::string> topics(const std::string& pattern) const;

 private:
  friend class BusView;
  friend class Follower;
  [[nodiscard]] Topic& topic(const TopicType& type);
  void add_follower(const std::shared_ptr<Follower>& follower);
  void remove_follower(const Follower& follower) noexcept;
  void forget_publisher(std::uint32_t publisher) noexcept;
  [[nodiscard]] std::string publisher_name(std::uint32_t publisher) const;

  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;  // nodes never move
  std::map<std::uint32_t, std::string> publishers_;                    // the views' plugins, by id
  std::vector<std::shared_ptr<Follower>> followers_;
  std::uint32_t next_view_ = 1;
};

}  // namespace weft
