#pragma once
/// Events: facts that one plugin states and others may follow. No replies, no veto, no packets.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <weft/function.hpp>
#include <weft/result.hpp>

namespace weft {

/// A struct with `static constexpr std::string_view topic`. Never changes once released: a new
/// field is a new topic version.
template <class E>
concept Event = requires {
  { E::topic } -> std::convertible_to<std::string_view>;
};

/// An event whose `key()` (an integer, enum or string) names the thing whose state it is. A slow
/// reader sees only the newest value per key; a late subscriber first gets the current values.
/// Events without a key are signals: ordered, bounded, oldest dropped with one `on_gap`.
template <class E>
concept StateEvent = Event<E> && requires(const E& event) { event.key(); };

/// An event that can tell itself to people, by a member `text()` or a function `to_text(event)`
/// beside it: `weft bus tap` prints that. One line; no units left out.
template <class E>
concept EventWithText =
    Event<E> && (requires(const E& event) { std::string(event.text()); } ||
                 requires(const E& event) { std::string(to_text(event)); });

/// An event that can tell itself to programs, by a member `json()` or a function `to_json(event)`
/// beside it: a JSON object as text, with a member for each of the event's (weft/json.hpp). Clients
/// that follow the topic on the control socket get that.
template <class E>
concept EventWithJson =
    Event<E> && (requires(const E& event) { std::string(event.json()); } ||
                 requires(const E& event) { std::string(to_json(event)); });

/// What the bus must know of an event type; compared when two libraries meet on one topic.
struct TopicType {
  std::string_view topic;
  std::size_t size = 0;
  std::size_t alignment = 0;
  std::string (*key)(const void* event) = nullptr;   ///< null for signals
  std::string (*text)(const void* event) = nullptr;  ///< null for events without a text
  std::string (*json)(const void* event) = nullptr;  ///< null for events without a JSON form

  template <Event E>
  [[nodiscard]] static TopicType of() {
    TopicType type{E::topic, sizeof(E), alignof(E)};
    if constexpr (StateEvent<E>) {
      type.key = [](const void* event) { return key_text(static_cast<const E*>(event)->key()); };
    }
    if constexpr (EventWithText<E>) {
      type.text = [](const void* event) { return text_of(*static_cast<const E*>(event)); };
    }
    if constexpr (EventWithJson<E>) {
      type.json = [](const void* event) { return json_of(*static_cast<const E*>(event)); };
    }
    return type;
  }

  /// The bus's form of a key.
  template <class Key>
  [[nodiscard]] static std::string key_text(const Key& key) {
    if constexpr (std::is_enum_v<Key>) {
      return std::to_string(static_cast<std::underlying_type_t<Key>>(key));
    } else if constexpr (std::is_integral_v<Key>) {
      return std::to_string(key);
    } else {
      return std::string(key);
    }
  }

 private:
  template <class E>
  [[nodiscard]] static std::string text_of(const E& event) {
    if constexpr (requires { event.text(); }) {
      return std::string(event.text());
    } else {
      return std::string(to_text(event));
    }
  }

  template <class E>
  [[nodiscard]] static std::string json_of(const E& event) {
    if constexpr (requires { event.json(); }) {
      return std::string(event.json());
    } else {
      return std::string(to_json(event));
    }
  }
};

/// A topic as the bus holds it. Opaque; lives as long as the bus.
class Topic;

/// Ends the subscription when destroyed: no handler runs after the destructor returned on the
/// subscriber's loop. Declare it last in a class.
class [[nodiscard]] Subscription {
 public:
  struct Node {
    virtual ~Node() = default;
  };
  Subscription() = default;
  explicit Subscription(std::unique_ptr<Node> node) : node_(std::move(node)) {}

 private:
  std::unique_ptr<Node> node_;
};

/// How many undelivered signals a subscriber may have before the oldest are dropped.
inline constexpr std::size_t default_signal_depth = 1024;

/// A plugin's view of the bus: it knows which plugin publishes and on which loop to deliver.
/// Owned by the host. `subscribe` on the plugin's loop; publishing from any thread but a lane.
class Bus {
 public:
  /// Calls `handler` on the subscriber's loop for each event, at most 64 per round of the loop.
  /// `on_gap` runs once after signals were dropped: read the state from the owning service again.
  template <Event E, class Handler>
  [[nodiscard]] Subscription subscribe(Handler handler, Task on_gap = {},
                                       std::size_t depth = default_signal_depth) {
    return subscribe_erased(
        topic(TopicType::of<E>()),
        [handler = std::move(handler)](const void* event) mutable {
          handler(*static_cast<const E*>(event));
        },
        std::move(on_gap), depth);
  }

  /// Publishes to everyone who subscribed. Never blocks, never runs a subscriber's code.
  template <Event E>
  void publish(E event) {
    publish_erased(topic(TopicType::of<E>()), std::make_shared<const E>(std::move(event)));
  }

  /// Forgets the current value for `key`, so that late subscribers no longer get it.
  template <StateEvent E, class Key>
  void retract(const Key& key) {
    retract_erased(topic(TopicType::of<E>()), TopicType::key_text(key));
  }

 protected:
  ~Bus() = default;

 private:
  using ErasedHandler = UniqueFunction<void(const void*)>;

  /// Finds or creates; throws std::logic_error, which fails the plugin, when two libraries disagree
  /// about a topic's size or kind.
  [[nodiscard]] virtual Topic& topic(const TopicType& type) = 0;
  [[nodiscard]] virtual Subscription subscribe_erased(Topic& topic, ErasedHandler handler,
                                                      Task on_gap, std::size_t depth) = 0;
  virtual void publish_erased(Topic& topic, std::shared_ptr<const void> event) noexcept = 0;
  virtual void retract_erased(Topic& topic, std::string key) noexcept = 0;
};

}  // namespace weft
