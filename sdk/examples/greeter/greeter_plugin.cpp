/// Answers after some time, as providers that do I/O do.

#include "greeter_plugin.hpp"

#include <utility>

#include "greeting.hpp"

namespace example {

void GreeterPlugin::describe(weft::Schema& schema) {
  schema.field("thinking", thinking_, "How long it takes to think of a greeting.");
}

weft::Result<> GreeterPlugin::start() {
  is_running_ = true;
  WEFT_TRY(host_.services().provide<Greeter>(*this));
  return host_.services().provide<Greeter2>(*this);
}

void GreeterPlugin::stop() noexcept {
  is_running_ = false;
  pending_.clear();
}

void GreeterPlugin::greet(std::string name, weft::Reply<std::string> reply) {
  greet_in("en", std::move(name), std::move(reply));
}

void GreeterPlugin::greet_in(std::string language, std::string name,
                             weft::Reply<std::string> reply) {
  host_.loop().post([this, language = std::move(language), name = std::move(name),
                     reply = std::move(reply)]() mutable {
    think(std::move(language), std::move(name), std::move(reply));
  });
}

void GreeterPlugin::think(std::string language, std::string name, weft::Reply<std::string> reply) {
  if (!is_running_) {
    return;  // dropping the reply answers Errc::abandoned
  }
  const std::uint64_t id = next_++;
  Pending& pending = pending_.emplace(id, Pending{std::move(reply)}).first->second;
  pending.timer = host_.loop().after(
      thinking_, [this, id, language = std::move(language), name = std::move(name)] {
        auto done = pending_.extract(id);
        done.mapped().reply(greeting(language, name));
      });
}

}  // namespace example
