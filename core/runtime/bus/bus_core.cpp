/// Publishing, subscribing, and the check that two libraries mean the same event type.

#include "runtime/bus/bus_core.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <stdexcept>

#include <fmt/core.h>

#include "runtime/loop/trace.hpp"

namespace weft {

/// Locks in this order: topic, then mailbox. Nothing is posted under either.
class Topic {
 public:
  using Readers = std::vector<std::shared_ptr<Subscriber>>;

  Topic(std::string name, const TopicType& type, Metrics& metrics)
      : name_(std::move(name)),
        type_(type),
        published_(
            metrics.counter("weft_bus_published_total", "Events published.", {{"topic", name_}})),
        dropped_(metrics.counter("weft_bus_dropped_total",
                                 "Signals that a slow reader lost, over all readers.",
                                 {{"topic", name_}})) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool is_state() const noexcept { return type_.key != nullptr; }

  [[nodiscard]] Counter& dropped() const noexcept { return dropped_; }
  [[nodiscard]] std::string text(const void* event) const {
    return type_.text == nullptr ? std::string() : type_.text(event);
  }
  [[nodiscard]] std::string json(const void* event) const {
    return type_.json == nullptr ? std::string() : type_.json(event);
  }

  void check_same(const TopicType& other) const {
    if (other.size != type_.size || other.alignment != type_.alignment ||
        (other.key != nullptr) != is_state()) {
      throw std::logic_error(fmt::format(
          "broken rule: every library agrees about topic {}: {} of {} bytes aligned {}, "
          "not {} of {} bytes aligned {}; rebuild against one SDK",
          name_, is_state() ? "state" : "signal", type_.size, type_.alignment,
          other.key != nullptr ? "state" : "signal", other.size, other.alignment));
    }
  }

  void publish(std::shared_ptr<const void> event, std::uint32_t publisher, TimePoint now) {
    std::string key = is_state() ? type_.key(event.get()) : std::string{};
    const TraceId inherited = current_trace();
    const auto envelope =
        std::make_shared<const Envelope>(Envelope{std::move(event), publisher, std::move(key),
                                                  inherited != 0 ? inherited : new_trace(), now});
    published_.add();
    std::shared_ptr<const Envelope> replaced;  // destroyed without the lock
    std::shared_ptr<const Readers> readers;
    {
      const std::lock_guard lock(mutex_);
      if (is_state()) {
        replaced = std::exchange(current_[envelope->key], envelope);
      }
      for (const auto& reader : *readers_) {
        reader->mailbox->push(reader, envelope);
      }
      readers = readers_;
    }
    for (const auto& reader : *readers) {
      HandlerScope::defer(reader->mailbox);
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
      if (subscriber->is_state) {
        for (const auto& [key, envelope] : current_) {
          subscriber->mailbox->push(subscriber, envelope);
        }
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
    TopicStatistics result{name_, is_state(), published_.value(), current_.size(), {}};
    for (const auto& reader : *readers_) {
      if (reader->latency != nullptr) {  // a follower is nobody's subscription
        result.subscribers.push_back(reader->mailbox->statistics(*reader));
      }
    }
    return result;
  }

 private:
  const std::string name_;
  const TopicType type_;
  Counter& published_;
  Counter& dropped_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Readers> readers_ = std::make_shared<Readers>();
  std::map<std::string, std::shared_ptr<const Envelope>> current_;  // state topics, by key
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

bool matches(const std::string& pattern, const std::string& topic) {
  return fnmatch(pattern.c_str(), topic.c_str(), /*flags=*/0) == 0;
}

}  // namespace

/// Somebody who follows topics by their names. Topics adopt it on any thread; the rest happens on
/// its view's loop.
class Follower : public std::enable_shared_from_this<Follower> {
 public:
  Follower(BusView& view, std::vector<std::string> patterns,
           UniqueFunction<void(FollowedEvent)> handler, std::size_t depth)
      : view_(view),
        patterns_(std::move(patterns)),
        handler_(std::make_shared<UniqueFunction<void(FollowedEvent)>>(std::move(handler))),
        depth_(depth) {}

  void follow(Topic& topic) {
    if (std::ranges::none_of(patterns_,
                             [&](const auto& each) { return matches(each, topic.name()); })) {
      return;
    }
    auto subscriber = view_.new_subscriber(topic, depth_);
    const auto has_gap = std::make_shared<bool>(false);
    subscriber->is_state = topic.is_state();
    subscriber->on_gap = [has_gap] { *has_gap = true; };
    subscriber->handler = [&topic, has_gap, handler = handler_,
                           &core = view_.core_](const Envelope& envelope) {
      (*handler)({topic.name(), topic.is_state(), envelope.published,
                  core.publisher_name(envelope.publisher), envelope.key, envelope.trace,
                  topic.text(envelope.event.get()), topic.json(envelope.event.get()),
                  std::exchange(*has_gap, false)});
    };
    topic.add(subscriber);
    const std::lock_guard lock(mutex_);
    subscriptions_.push_back(std::make_unique<SubscriptionNode>(topic, std::move(subscriber)));
  }

  void end() noexcept {
    view_.core_.remove_follower(*this);
    std::vector<std::unique_ptr<SubscriptionNode>> ended;
    const std::lock_guard lock(mutex_);
    ended.swap(subscriptions_);
  }

 private:
  BusView& view_;
  const std::vector<std::string> patterns_;
  const std::shared_ptr<UniqueFunction<void(FollowedEvent)>> handler_;
  const std::size_t depth_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::unique_ptr<SubscriptionNode>> subscriptions_;
};

namespace {

class FollowerNode final : public Subscription::Node {
 public:
  explicit FollowerNode(std::shared_ptr<Follower> follower) : follower_(std::move(follower)) {}
  ~FollowerNode() override { follower_->end(); }

 private:
  const std::shared_ptr<Follower> follower_;
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
  auto subscriber = new_subscriber(topic, depth);
  subscriber->handler = [handler = std::move(handler)](const Envelope& envelope) mutable {
    handler(envelope.event.get());
  };
  subscriber->on_gap = std::move(on_gap);
  subscriber->is_state = topic.is_state();
  subscriber->latency = &core_.metrics_.histogram(
      "weft_bus_latency_seconds", "Time from an event's publication to its delivery.",
      duration_bounds, {{"topic", topic.name()}, {"subscriber", mailbox_->plugin()}});
  subscriber->dropped = &topic.dropped();
  topic.add(subscriber);
  return Subscription{std::make_unique<SubscriptionNode>(topic, std::move(subscriber))};
}

Subscription BusView::follow(std::vector<std::string> patterns,
                             UniqueFunction<void(FollowedEvent)> handler, std::size_t depth) {
  auto follower = std::make_shared<Follower>(*this, std::move(patterns), std::move(handler), depth);
  core_.add_follower(follower);
  return Subscription{std::make_unique<FollowerNode>(std::move(follower))};
}

std::shared_ptr<Subscriber> BusView::new_subscriber(const Topic& topic, std::size_t depth) {
  WEFT_CHECK(depth > 0, "a subscription holds at least one event");
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->mailbox = mailbox_;
  subscriber->topic = topic.name().c_str();
  subscriber->limit = depth;
  return subscriber;
}

void BusView::publish_erased(Topic& topic, std::shared_ptr<const void> event) noexcept {
  topic.publish(std::move(event), id_, mailbox_->now());
}

void BusView::retract_erased(Topic& topic, std::string key) noexcept {
  topic.retract(key);
}

BusCore::BusCore(Metrics& metrics) : metrics_(metrics) {}
BusCore::~BusCore() = default;

std::unique_ptr<BusView> BusCore::view(std::string plugin, Loop& loop) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t id = next_view_++;
  publishers_.emplace(id, plugin);
  return std::make_unique<BusView>(*this, id, std::move(plugin), loop);
}

Topic& BusCore::topic(const TopicType& type) {
  const std::lock_guard lock(mutex_);
  if (const auto found = topics_.find(type.topic); found != topics_.end()) {
    found->second->check_same(type);
    return *found->second;
  }
  std::string name(type.topic);
  auto made = std::make_unique<Topic>(name, type, metrics_);
  Topic& topic = *topics_.emplace(std::move(name), std::move(made)).first->second;
  for (const auto& follower : followers_) {
    follower->follow(topic);  // before anybody publishes
  }
  return topic;
}

void BusCore::add_follower(const std::shared_ptr<Follower>& follower) {
  std::vector<Topic*> known;
  {
    const std::lock_guard lock(mutex_);
    followers_.push_back(follower);
    for (const auto& [name, topic] : topics_) {
      known.push_back(topic.get());
    }
  }
  for (Topic* const topic : known) {
    follower->follow(*topic);
  }
}

void BusCore::remove_follower(const Follower& follower) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(followers_, [&](const auto& each) { return each.get() == &follower; });
}

std::vector<std::string> BusCore::topics(const std::string& pattern) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [name, topic] : topics_) {
    if (matches(pattern, name)) {
      found.push_back(name);
    }
  }
  return found;
}

std::string BusCore::publisher_name(std::uint32_t publisher) const {
  const std::lock_guard lock(mutex_);
  const auto found = publishers_.find(publisher);
  return found == publishers_.end() ? std::string() : found->second;
}

void BusCore::forget_publisher(std::uint32_t publisher) noexcept {
  const std::lock_guard lock(mutex_);
  publishers_.erase(publisher);
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
