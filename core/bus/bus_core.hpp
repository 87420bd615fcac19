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

#include "bus/mailbox.hpp"

namespace weft {

/// How one topic is doing.
struct TopicStatistics {
  std::string topic;
  bool is_state = false;
  std::uint64_t published = 0;
  std::size_t current_values = 0;  ///< state topics: keys a late subscriber would get
  std::vector<SubscriberStatistics> subscribers;
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

 private:
  [[nodiscard]] Topic& topic(const TopicType& type) override;
  [[nodiscard]] Subscription subscribe_erased(Topic& topic,
                                              UniqueFunction<void(const void*)> handler,
                                              Task on_gap, std::size_t depth) override;
  void publish_erased(Topic& topic, std::shared_ptr<const void> event) noexcept override;
  void retract_erased(Topic& topic, std::string key) noexcept override;

  BusCore& core_;
  const std::uint32_t id_;
  std::shared_ptr<Mailbox> mailbox_;
};

/// One per node, owned by the host; outlives every view and subscription. Any thread.
class WEFT_EXPORT BusCore {
 public:
  BusCore();
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
  void forget_publisher(std::uint32_t publisher) noexcept;

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;  // nodes never move
  std::uint32_t next_view_ = 1;
};

}  // namespace weft
