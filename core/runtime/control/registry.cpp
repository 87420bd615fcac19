/// Registers commands and hands requests to the loop that serves them.

#include "runtime/control/registry.hpp"

#include <utility>
#include <vector>

#include "runtime/config/binder.hpp"
#include "runtime/control/parameters.hpp"

namespace weft::control {

/// Used and destroyed on the loop that serves it, as the plugin's code may be gone afterwards.
struct Command {
  Registry::Begin begin;
  std::map<std::uint64_t, Task> cancels;  ///< of the calls that are not over
};

namespace {

/// Of a call that is over: nobody may assign to what they describe.
std::vector<ConfigField> without_targets(const Schema& schema) {
  std::vector<ConfigField> fields = schema.fields();
  for (ConfigField& field : fields) {
    field.assign = {};
  }
  return fields;
}

}  // namespace

class Registry::Registration final : public CommandRegistration::Node {
 public:
  Registration(std::shared_ptr<Registry> registry, std::string name,
               std::shared_ptr<Command> command)
      : registry_(std::move(registry)), name_(std::move(name)), command_(std::move(command)) {}

  ~Registration() override {
    const std::lock_guard lock(registry_->mutex_);
    registry_->commands_.erase(name_);
  }

 private:
  const std::shared_ptr<Registry> registry_;
  const std::string name_;
  const std::shared_ptr<Command> command_;  // the only lasting owner
};

void Call::end(bool is_cancelled) {
  if (Loop* const loop = std::exchange(loop_, nullptr)) {
    loop->post([command = std::move(command_), id = id_, is_cancelled] {
      const auto alive = command.lock();
      if (!alive) {
        return;
      }
      if (auto cancel = alive->cancels.extract(id); cancel && is_cancelled) {
        cancel.mapped()();
      }
    });
  }
}

Result<CommandRegistration> Registry::add(CommandInfo info, Loop& loop, Begin begin) {
  std::string name = info.name;
  Schema schema;
  begin()->describe(schema);
  auto command = std::make_shared<Command>(Command{std::move(begin), {}});
  {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = commands_.try_emplace(
        name, Served{&loop, command, {std::move(info), without_targets(schema)}});
    if (!is_new) {
      return fail(Errc::conflict, "serve control command '" + name + "': it is served already");
    }
  }
  return CommandRegistration(
      std::make_unique<Registration>(shared_from_this(), std::move(name), std::move(command)));
}

std::vector<std::string> Registry::names() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> known;
  for (const auto& [command, _] : commands_) {
    known.push_back(command);
  }
  return known;
}

std::vector<CommandDescription> Registry::descriptions() {
  const std::lock_guard lock(mutex_);
  std::vector<CommandDescription> known;
  for (const auto& [command, served] : commands_) {
    known.push_back(served.description);
  }
  return known;
}

Call Registry::dispatch(const std::string& name, std::string params, Reply<std::string> reply) {
  Loop* loop = nullptr;
  std::weak_ptr<Command> command;
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = commands_.find(name); found != commands_.end()) {
      loop = found->second.loop;
      command = found->second.command;
      id = ++last_call_;
    }
  }
  if (loop == nullptr) {
    reply(
        fail(Errc::not_found, "run command '" + name + "'" + config::did_you_mean(name, names())));
    return {};
  }
  // Dropping the task, or finding the command gone, answers Errc::abandoned.
  loop->post([command, id, params = std::move(params), reply = std::move(reply)]() mutable {
    if (const auto alive = command.lock()) {
      if (Task cancel = run_command(*alive->begin(), params, std::move(reply))) {
        alive->cancels.emplace(id, std::move(cancel));
      }
    }
  });
  return {*loop, std::move(command), id};
}

}  // namespace weft::control
