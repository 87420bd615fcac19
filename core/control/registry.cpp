/// Registers commands and hands requests to the loop that serves them.

#include "control/registry.hpp"

#include <utility>
#include <vector>

#include "config/binder.hpp"

namespace weft::control {

class Registry::Registration final : public CommandRegistration::Node {
 public:
  Registration(std::shared_ptr<Registry> registry, std::string name,
               std::shared_ptr<Control::Handler> handler)
      : registry_(std::move(registry)), name_(std::move(name)), handler_(std::move(handler)) {}

  ~Registration() override {
    const std::lock_guard lock(registry_->mutex_);
    registry_->commands_.erase(name_);
  }

 private:
  const std::shared_ptr<Registry> registry_;
  const std::string name_;
  const std::shared_ptr<Control::Handler> handler_;  // the only lasting owner
};

Result<CommandRegistration> Registry::add(std::string name, Loop& loop, Control::Handler handler) {
  auto shared = std::make_shared<Control::Handler>(std::move(handler));
  {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = commands_.try_emplace(name, Command{&loop, shared});
    if (!is_new) {
      return fail(Errc::conflict, "serve control command '" + name + "': it is served already");
    }
  }
  return CommandRegistration(
      std::make_unique<Registration>(shared_from_this(), std::move(name), std::move(shared)));
}

std::vector<std::string> Registry::names() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> known;
  for (const auto& [command, _] : commands_) {
    known.push_back(command);
  }
  return known;
}

void Registry::dispatch(const std::string& name, std::string params, Reply<std::string> reply) {
  Loop* loop = nullptr;
  std::weak_ptr<Control::Handler> handler;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = commands_.find(name); found != commands_.end()) {
      loop = found->second.loop;
      handler = found->second.handler;
    }
  }
  if (loop == nullptr) {
    reply(
        fail(Errc::not_found, "run command '" + name + "'" + config::did_you_mean(name, names())));
    return;
  }
  // Dropping the task, or finding the handler gone, answers Errc::abandoned.
  loop->post([handler = std::move(handler), params = std::move(params),
              reply = std::move(reply)]() mutable {
    if (const auto alive = handler.lock()) {
      (*alive)(std::move(params), std::move(reply));
    }
  });
}

}  // namespace weft::control
