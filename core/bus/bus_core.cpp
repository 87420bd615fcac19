/// Publishing, subscribing, and the check that two libraries mean the same event type.

#include "bus/bus_core.hpp"

#include <fmt/core.h>

namespace weft {

/// Locks in this order: topic, then mailbox. Nothing is posted under either.
class Topic {
 public:
  using Readers = std::vector<std::shared_ptr<Subscriber>>;

  Topic(std::string name, const TopicType& type) : name_(std::move(name)), type_(type) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool is_state() const noexcept { return type_.key != nullptr; }

  void check_same(const TopicType& other) const {
    if (other.size != type_.size || other.alignment != type_.alignment ||
        (other.key != nullptr) != is_state()) {
      check_failed(
          fmt::format("every library agrees about topic {}: {} of {} bytes aligned {}, "
                      "not {} of {} bytes aligned {}; rebuild against one SDK",
                      name_, is_state() ? "state" : "signal", type_.size, type_.alignment,
                      other.key != nullptr ? "state" : "signal", other.size, other.alignment));
    }
  }

  void publish(std::shared_ptr<const void> event, std::uint32_t publisher) {
    std::string key = is_state() ? type_.key(event.get()) : std::string{};
    const auto envelope =
        std::make_shared<const Envelope>(Envelope{std::move(event), publisher, std::move(key)});
    std::shared_ptr<const Envelope> replaced;  // destroyed without the lock
    std::shared_ptr<const Readers> readers;
    {
      const std::lock_guard lock(mutex_);
      ++published_;
      if (is_state()) {
        replaced = std::exchange(current_[envelope->key], envelope);
      }
      for (const auto& reader : *readers_) {
        reader->mailbox->push(reader, envelope);
      }
      readers = readers_;
    }
    for (const auto& reader : *readers) {
      reader->mailbox->wake();
    }
  }

  void retract(const std::string& key) {
    std::shared_ptr<const Envelope> forgotten;
    const std::lock_guard lock(mutex_);
    if (const auto found = current_.find(key); found != current_.end()) {
      forgotten = std::move(found->second);
      current_.erase(found);
    }
  }

  void add(const std::shared_ptr<Subscriber>& subscriber) {
    {
      const std::lock_guard lock(mutex_);
      auto readers = std::make_shared<Readers>(*readers_);
      readers->push_back(subscriber);
      readers_ = std::move(readers);
      for (const auto& [key, envelope] : current_) {
        subscriber->mailbox->push(subscriber, envelope);
      }
    }
    subscriber->mailbox->wake();
  }

  void remove(const Subscriber& subscriber) {
    const std::lock_guard lock(mutex_);
    auto readers = std::make_shared<Readers>(*readers_);
    std::erase_if(*readers, [&](const auto& reader) { return reader.get() == &subscriber; });
    readers_ = std::move(readers);
  }

  void forget_publisher(std::uint32_t publisher) {
    const std::lock_guard lock(mutex_);
    std::erase_if(current_,
                  [&](const auto& value) { return value.second->publisher == publisher; });
    for (const auto& reader : *readers_) {
      reader->mailbox->forget_publisher(publisher);
    }
  }

  [[nodiscard]] TopicStatistics statistics() const {
    const std::lock_guard lock(mutex_);
    TopicStatistics result{name_, is_state(), published_, current_.size(), {}};
    for (const auto& reader : *readers_) {
      result.subscribers.push_back(reader->mailbox->statistics(*reader));
    }
    return result;
  }

 private:
  const std::string name_;
  const TopicType type_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Readers> readers_ = std::make_shared<Readers>();
  std::map<std::string, std::shared_ptr<const Envelope>> current_;  // state topics, by key
  std::uint64_t published_ = 0;
};

namespace {

class SubscriptionNode final : public Subscription::Node {
 public:
  SubscriptionNode(Topic& topic, std::shared_ptr<Subscriber> subscriber)
      : topic_(topic), subscriber_(std::move(subscriber)) {}
  ~SubscriptionNode() override {
    topic_.remove(*subscriber_);
    subscriber_->mailbox->close(*subscriber_);
  }

 private:
  Topic& topic_;
  std::shared_ptr<Subscriber> subscriber_;
};

}  // namespace

BusView::BusView(BusCore& core, std::uint32_t id, std::string plugin, Loop& loop)
    : core_(core), id_(id), mailbox_(std::make_shared<Mailbox>(std::move(plugin), loop)) {}

BusView::~BusView() {
  core_.forget_publisher(id_);
  mailbox_->clear();
}

Topic& BusView::topic(const TopicType& type) {
  return core_.topic(type);
}

Subscription BusView::subscribe_erased(Topic& topic, UniqueFunction<void(const void*)> handler,
                                       Task on_gap, std::size_t depth) {
  WEFT_CHECK(depth > 0, "a subscription holds at least one event");
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->mailbox = mailbox_;
  subscriber->topic = topic.name().c_str();
  subscriber->handler = std::move(handler);
  subscriber->on_gap = std::move(on_gap);
  subscriber->limit = depth;
  subscriber->is_state = topic.is_state();
  topic.add(subscriber);
  return Subscription{std::make_unique<SubscriptionNode>(topic, std::move(subscriber))};
}

void BusView::publish_erased(Topic& topic, std::shared_ptr<const void> event) noexcept {
  topic.publish(std::move(event), id_);
}

void BusView::retract_erased(Topic& topic, std::string key) noexcept {
  topic.retract(key);
}

BusCore::BusCore() = default;
BusCore::~BusCore() = default;

std::unique_ptr<BusView> BusCore::view(std::string plugin, Loop& loop) {
  const std::lock_guard lock(mutex_);
  return std::make_unique<BusView>(*this, next_view_++, std::move(plugin), loop);
}

Topic& BusCore::topic(const TopicType& type) {
  const std::lock_guard lock(mutex_);
  if (const auto found = topics_.find(type.topic); found != topics_.end()) {
    found->second->check_same(type);
    return *found->second;
  }
  std::string name(type.topic);
  auto topic = std::make_unique<Topic>(name, type);
  return *topics_.emplace(std::move(name), std::move(topic)).first->second;
}

void BusCore::forget_publisher(std::uint32_t publisher) noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, topic] : topics_) {
    topic->forget_publisher(publisher);
  }
}

std::vector<TopicStatistics> BusCore::statistics() const {
  const std::lock_guard lock(mutex_);
  std::vector<TopicStatistics> result;
  for (const auto& [name, topic] : topics_) {
    result.push_back(topic->statistics());
  }
  return result;
}

}  // namespace weft
