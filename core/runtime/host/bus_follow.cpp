/// Turns events into lines, and keeps what waits within bounds.

#include "runtime/host/bus_follow.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <weft/json.hpp>

#include "runtime/base/time_text.hpp"
#include "runtime/control/parameters.hpp"
#include "runtime/loop/trace.hpp"

namespace weft::host {
namespace {

std::string line_of(const FollowedEvent& event, TimePoint now, WallTime wall_now) {
  const auto age = std::chrono::duration_cast<WallTime::duration>(now - event.published);
  return JsonObject()
      .text("topic", event.topic)
      .text("kind", event.is_state ? "state" : "signal")
      .text("time", time_text(wall_now - age))
      .text("publisher", event.publisher)
      .text("key", event.key)
      .text("trace", trace_text(event.trace))
      .text("text", event.text)
      .json("event", event.json.empty() ? "null" : event.json)
      .take();
}

std::string gap_line(const std::string& topic) {
  return JsonObject().text("topic", topic).boolean("gap", true).take();
}

struct FollowParameters {
  std::vector<std::string> topics;

  void describe(Schema& schema) {
    schema.required("topics", topics,
                    "Names of topics, or patterns: '*' stands for any text. Topics that come into "
                    "being later are followed, too.");
  }
  [[nodiscard]] Result<> validate() const {
    return topics.empty() ? fail(Errc::invalid, "follow no topic: 'topics' must name one")
                          : Result<>();
  }
};

class EventLines final : public control::LineStream {
 public:
  EventLines(BusView& view, Loop& loop, std::vector<std::string> topics, Task wake)
      : loop_(loop),
        wake_(std::move(wake)),
        following_(view.follow(std::move(topics),
                               [this](FollowedEvent event) { add(std::move(event)); })) {}

  [[nodiscard]] std::optional<std::string> next() override { return queue_.next(); }

 private:
  void add(FollowedEvent event) {
    queue_.add(std::move(event), loop_.now(), loop_.wall_now());
    wake_();
  }

  Loop& loop_;
  Task wake_;
  FollowQueue queue_;
  Subscription following_;  // last: its handler uses the rest
};

/// Which topics `patterns` match now, each once.
std::string topics_json(const BusCore& core, const std::vector<std::string>& patterns) {
  std::vector<std::string> topics;
  for (const std::string& pattern : patterns) {
    std::ranges::move(core.topics(pattern), std::back_inserter(topics));
  }
  std::ranges::sort(topics);
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  return JsonObject().json("topics", json_list(topics, json_string)).take();
}

}  // namespace

void FollowQueue::add(FollowedEvent event, TimePoint now, WallTime wall_now) {
  std::string line = line_of(event, now, wall_now);
  if (event.is_state) {
    std::string state_key = event.topic + '\0' + event.key;
    if (const auto waiting = states_.find(state_key); waiting != states_.end()) {
      waiting->second->line = std::move(line);
      return;
    }
    entries_.push_back({std::move(event.topic), state_key, std::move(line)});
    states_.emplace(std::move(state_key), std::prev(entries_.end()));
    return;
  }
  Signals& signals = signals_[event.topic];
  signals.has_gap = signals.has_gap || event.after_gap;
  if (signals.waiting == max_signals) {
    drop_oldest(event.topic);
    signals.has_gap = true;
  }
  ++signals.waiting;
  entries_.push_back({std::move(event.topic), {}, std::move(line)});
}

void FollowQueue::drop_oldest(const std::string& topic) {
  const auto oldest = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.state_key.empty() && entry.topic == topic;
  });
  entries_.erase(oldest);
  --signals_[topic].waiting;
}

std::optional<std::string> FollowQueue::next() {
  if (entries_.empty()) {
    return std::nullopt;
  }
  Entry& first = entries_.front();
  if (!first.state_key.empty()) {
    states_.erase(first.state_key);
  } else {
    Signals& signals = signals_[first.topic];
    if (std::exchange(signals.has_gap, false)) {
      return gap_line(first.topic);
    }
    --signals.waiting;
  }
  std::string line = std::move(first.line);
  entries_.pop_front();
  return line;
}

control::StreamCommand follow_command(BusCore& core, BusView& view, Loop& loop) {
  FollowParameters described;
  Schema schema;
  described.describe(schema);
  return {{{"bus.follow",
            "Follows topics: a state topic begins with its current values. The answer is followed "
            "by a line for each event, until the client hangs up; a slow client gets the newest "
            "value per key of a state, and of signals the last 1024.",
            "object, and lines of objects",
            {{"topics", "The topics that are followed as yet."},
             {"(line) topic", "Whose event it is."},
             {"(line) gap", "True: signals of this topic were dropped here; the line has no more."},
             {"(line) kind", "state or signal."},
             {"(line) time", "When it was published."},
             {"(line) publisher", "The plugin."},
             {"(line) key", "Whose state it is; empty for a signal."},
             {"(line) trace", "What led to it."},
             {"(line) text", "The event in words."},
             {"(line) event", "The event, as the topic's page has it; null without a JSON form."}}},
           schema.fields()},
          [&core, &view, &loop](std::string_view params, Task wake) -> Result<control::OpenStream> {
            FollowParameters given;
            Schema fields;
            given.describe(fields);
            WEFT_TRY(control::bind_parameters(params, fields));
            WEFT_TRY(given.validate());
            std::string answer = topics_json(core, given.topics);
            return control::OpenStream{
                std::move(answer),
                std::make_unique<EventLines>(view, loop, std::move(given.topics), std::move(wake))};
          }};
}

}  // namespace weft::host
