/// Commands that watch the bus of a running node.

#include <fnmatch.h>

#include <algorithm>
#include <cstdio>

#include "ask.hpp"
#include "commands.hpp"
#include "console/json.hpp"
#include "console/print.hpp"
#include "render.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// Topics or patterns that nothing matches as yet: a mistake in writing, perhaps.
void note_unknown(const std::vector<std::string>& topics, const Json& answer) {
  const auto known = member(answer, "topics").get<std::vector<std::string>>();
  for (const std::string& topic : topics) {
    const bool is_known = std::ranges::any_of(known, [&](const std::string& each) {
      return fnmatch(topic.c_str(), each.c_str(), /*flags=*/0) == 0;
    });
    if (!is_known) {
      std::fprintf(
          stderr,
          "weft: nobody has published or subscribed to '%s' as yet ('weft bus topics' lists "
          "what there is); waiting\n",
          topic.c_str());
    }
  }
}

/// Prints events until `count` were seen, or without end when it is 0.
Result<> follow_topics(const Options& options, const std::vector<std::string>& topics,
                       std::uint64_t count) {
  std::uint64_t lines = 0;
  return follow(options, "bus.follow", Json{{"topics", topics}}.dump(),
                [&](const std::string& text) {
                  if (lines++ == 0) {
                    const auto answer = parse_json(text, "weftd's answer");
                    if (answer) {
                      note_unknown(topics, *answer);
                    }
                    return true;
                  }
                  const std::string line = options.json ? text + "\n" : render_event(text);
                  std::fwrite(line.data(), 1, line.size(), stdout);
                  std::fflush(stdout);
                  return count == 0 || lines <= count;
                });
}

}  // namespace

int show_topics(const Options& options) {
  const auto answer = ask(options, "bus.topics");
  if (!answer) {
    return report_error(answer.error());
  }
  return print(options.json ? Result<std::string>(indent_json(*answer)) : render_topics(*answer));
}

int tap_topics(const Options& options, const std::vector<std::string>& topics,
               std::uint64_t count) {
  const auto tapped = follow_topics(options, topics, count);
  return tapped ? exit_ok : report_error(tapped.error());
}

}  // namespace weft::cli
