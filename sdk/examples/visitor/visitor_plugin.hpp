#pragma once
/// The plugin, in a header of its own so that tests can start it in a simulated node.

#include <string>

#include <weft/plugin.hpp>

#include "greeter/greeter.hpp"

namespace example {

/// Has itself greeted whenever somebody asks on the control socket. Prefers the newer interface and
/// makes do with the older one.
class VisitorPlugin final : public weft::Plugin {
 public:
  explicit VisitorPlugin(weft::Host& host) : host_(host) {}

  void describe(weft::Schema& schema) override;
  [[nodiscard]] weft::Result<> start() override;
  void stop() noexcept override { visit_ = {}; }

 private:
  void visit(weft::Reply<std::string> answer);

  weft::Host& host_;  // outlives every plugin
  std::string name_ = "visitor";
  std::string language_ = "en";
  Greeter* greeter_ = nullptr;    // set by start; its provider stops after this plugin
  Greeter2* greeter2_ = nullptr;  // null when the provider serves only /1
  weft::CommandRegistration visit_;
};

}  // namespace example
