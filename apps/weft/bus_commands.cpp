/// Commands that watch the bus of a running node.

#include <cstdio>

#include "ask.hpp"
#include "commands.hpp"
#include "console/json.hpp"
#include "console/print.hpp"
#include "render.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// Prints events until `count` were seen, or without end when it is 0.
Result<> follow_tap(const Options& options, const std::string& topic, std::uint64_t count) {
  std::string answer;
  WEFT_TRY(answer, ask(options, "bus.tap", Json{{"topic", topic}}.dump()));
  for (std::uint64_t seen = 0; count == 0 || seen < count;) {
    Json parsed;
    WEFT_TRY(parsed, parse_json(answer, "weftd's answer"));
    for (const Json& event : member(parsed, "events")) {
      const std::string line = options.json ? json_text(event) + "\n" : render_tapped(event.dump());
      std::fwrite(line.data(), 1, line.size(), stdout);
      if (++seen == count) {
        return {};
      }
    }
    std::fflush(stdout);
    WEFT_TRY(answer, ask(options, "bus.tap", Json{{"tap", number_of(parsed, "tap")}}.dump()));
  }
  return {};
}

}  // namespace

int show_topics(const Options& options) {
  const auto answer = ask(options, "bus.topics");
  if (!answer) {
    return report_error(answer.error());
  }
  return print(options.json ? Result<std::string>(indent_json(*answer)) : render_topics(*answer));
}

int tap_topic(const Options& options, const std::string& topic, std::uint64_t count) {
  const auto tapped = follow_tap(options, topic, count);
  return tapped ? exit_ok : report_error(tapped.error());
}

}  // namespace weft::cli
