/// Shows itself in the report and the status, and drives the terminal while it does.

#include <vector>

#include <weft/page.hpp>

#include "animal.hpp"

namespace weft::zoo {

class Peacock final : public Animal {
 public:
  using Animal::Animal;

  Result<> start() override {
    WEFT_TRY(show(report_command("Zoo"), R"({"Animals":["peacock","\u001b[2J"]})"));
    WEFT_TRY(show(report_addition("Router", "shows-itself"),
                  R"({"OverlayDiagnostics":{"feathers":{"Eyes":200}}})"));
    WEFT_TRY(show_lines(summary_command("Zoo")));
    WEFT_TRY(show_lines(page_command("zoo", "The animals.")));
    WEFT_TRY(show_lines(page_addition("peers", "shows-itself", "Animals among the peers.")));
    WEFT_TRY(say_nothing(report_command("Mute")));
    return say_nothing(summary_command("Mute"));
  }
  void stop() noexcept override { commands_.clear(); }

 private:
  Result<> show(CommandInfo info, const char* answer) {
    CommandRegistration command;
    WEFT_TRY(command, host_.control().serve(std::move(info), [answer](Reply<std::string> reply) {
      reply(std::string(answer));
    }));
    commands_.push_back(std::move(command));
    return {};
  }

  Result<> show_lines(CommandInfo info) {
    CommandRegistration command;
    WEFT_TRY(command,
             host_.control().serve<PageParameters>(
                 std::move(info), [](const PageParameters& given, Reply<std::string> reply) {
                   PageLines page;
                   page.entry("Animals", "peacock\x1b[2J\nforged");
                   reply(given.json ? R"({"Animals":1})" : page.take());
                 }));
    commands_.push_back(std::move(command));
    return {};
  }

  Result<> say_nothing(CommandInfo info) {
    CommandRegistration command;
    WEFT_TRY(command, host_.control().serve(std::move(info), [](Reply<std::string>) {}));
    commands_.push_back(std::move(command));
    return {};
  }

  std::vector<CommandRegistration> commands_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Peacock)
