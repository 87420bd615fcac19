/// Writes what the node's own parts do: topics, events, commands, lanes.

#include "console/json.hpp"
#include "console/page.hpp"
#include "render.hpp"

namespace weft::cli {

using namespace console;

namespace {

double real_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

/// "5us", "20ms", "2s"; the histogram's bounds are whole numbers of one of these.
std::string short_time(double seconds) {
  if (seconds < 1e-3) {
    return fmt::format("{:.0f}us", seconds * 1e6);
  }
  return seconds < 1 ? fmt::format("{:.0f}ms", seconds * 1e3) : fmt::format("{:.0f}s", seconds);
}

/// Nothing before the first delivery.
std::string latency(const Json& reader) {
  const double median = real_of(reader, "latency-p50-seconds");
  return median == 0 ? std::string()
                     : fmt::format(", latency p50 <= {}, p99 <= {}", short_time(median),
                                   short_time(real_of(reader, "latency-p99-seconds")));
}

}  // namespace

Result<std::string> render_topics(std::string_view topics) {
  Json list;
  WEFT_TRY(list, parse_json(topics, "topics"));
  Page page;
  page.line("{:<28} {:<6} {:>9} {:>6}", "TOPIC", "KIND", "PUBLISHED", "VALUES");
  for (const Json& topic : list) {
    page.line("{:<28} {:<6} {:>9} {:>6}", text_of(topic, "topic"), text_of(topic, "kind"),
              number_of(topic, "published"), number_of(topic, "current-values"));
    for (const Json& reader : member(topic, "subscribers")) {
      page.line("   -> {}: {} delivered, {} waiting (most {}), {} dropped, {} coalesced{}",
                text_of(reader, "plugin"), number_of(reader, "delivered"),
                number_of(reader, "depth"), number_of(reader, "high-water"),
                number_of(reader, "dropped"), number_of(reader, "coalesced"), latency(reader));
    }
  }
  return page.take();
}

Result<std::string> render_commands(std::string_view commands) {
  Json list;
  WEFT_TRY(list, parse_json(commands, "commands"));
  Page page;
  for (const Json& command : list) {
    page.line("{}: {}", text_of(command, "name"), text_of(command, "help"));
    for (const Json& parameter : member(command, "parameters")) {
      const std::string value =
          is_true(parameter, "required") ? "required" : text_of(parameter, "default");
      page.line("  {} ({}{}{}): {}", text_of(parameter, "name"), text_of(parameter, "type"),
                value.empty() ? "" : ", ", value, text_of(parameter, "help"));
    }
  }
  return page.take();
}

std::string render_event(std::string_view event) {
  const auto parsed = parse_json(event, "an event");
  if (!parsed) {
    return {};
  }
  Page page;
  const std::string topic = text_of(*parsed, "topic");
  if (is_true(*parsed, "gap")) {
    page.line("... events of {} were dropped here: they came faster than they were read", topic);
    return page.take();
  }
  const std::string key = text_of(*parsed, "key");
  const std::string text = text_of(*parsed, "text");
  page.line("{} {} {} trace={}{}{}{}", text_of(*parsed, "time"), text_of(*parsed, "publisher"),
            topic, text_of(*parsed, "trace"), key.empty() ? "" : " key=" + key,
            text.empty() ? "" : " ", text);
  return page.take();
}

Result<std::string> render_lanes(std::string_view lanes) {
  Json list;
  WEFT_TRY(list, parse_json(lanes, "lanes"));
  Page page;
  page.line("{:>4} {:>5} {:>12} {:>12} {:>12} {:>12} {:>7}", "LANE", "TASKS", "POLLS", "BATCHES",
            "FRAMES", "SLEEPS", "BUSY");
  for (const Json& lane : list) {
    page.line("{:>4} {:>5} {:>12} {:>12} {:>12} {:>12} {:>6.1f}%", number_of(lane, "lane"),
              number_of(lane, "tasks"), number_of(lane, "polls"), number_of(lane, "batches"),
              number_of(lane, "frames"), number_of(lane, "sleeps"),
              real_of(lane, "busy-share") * 100);
  }
  return page.take();
}

}  // namespace weft::cli
