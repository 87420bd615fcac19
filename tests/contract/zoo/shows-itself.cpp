/// Shows itself in the report, as nobody expects it.

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
    CommandRegistration mute;
    WEFT_TRY(mute, host_.control().serve(report_command("Mute"), [](Reply<std::string>) {}));
    commands_.push_back(std::move(mute));
    return {};
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

  std::vector<CommandRegistration> commands_;
};

}  // namespace weft::zoo

WEFT_PLUGIN(weft::zoo::Peacock)
