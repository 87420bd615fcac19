#pragma once
/// The plugin, in a header of its own so that tests can start it in a simulated node.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include <weft/plugin.hpp>

#include "greeter.hpp"

namespace example {

/// Serves both versions of its interface. Calls come from any loop and are posted to the plugin's
/// own, so that nothing here needs a lock.
class GreeterPlugin final : public weft::Plugin, public Greeter2 {
 public:
  explicit GreeterPlugin(weft::Host& host) : host_(host) {}

  void describe(weft::Schema& schema) override;
  [[nodiscard]] weft::Result<> start() override;
  void stop() noexcept override;

  void greet(std::string name, weft::Reply<std::string> reply) override;
  void greet_in(std::string language, std::string name, weft::Reply<std::string> reply) override;

 private:
  /// A greeting that is being thought about. Destroying it unanswered answers Errc::abandoned.
  struct Pending {
    weft::Reply<std::string> reply;
    weft::Timer timer{};
  };

  void think(std::string language, std::string name, weft::Reply<std::string> reply);

  weft::Host& host_;  // outlives every plugin
  std::chrono::milliseconds thinking_{10};
  bool is_running_ = false;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Pending> pending_;  // last: its timers use everything above
};

}  // namespace example
