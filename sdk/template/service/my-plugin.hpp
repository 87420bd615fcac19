#pragma once
/// Provides example.my-plugin/1, and the control command "my-plugin.ask" for people.

#include <string>

#include <weft/plugin.hpp>

#include "service.hpp"

namespace my_plugin {

/// Answers `question`. Pure.
[[nodiscard]] weft::Result<std::string> answer_to(std::string question);

struct AskParameters {
  std::string question;

  void describe(weft::Schema& schema);
};

/// Calls come from any loop and are posted to the plugin's own: no locks are needed.
class MyPlugin final : public weft::Plugin, public Service {
 public:
  explicit MyPlugin(weft::Host& host) : host_(host) {}

  weft::Result<> start() override;
  void stop() noexcept override;

  void ask(std::string question, weft::Reply<std::string> reply) override;

 private:
  weft::Host& host_;  // outlives every plugin
  weft::CommandRegistration command_;
};

}  // namespace my_plugin
