#pragma once
/// Which command is served by whom.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <weft/control.hpp>
#include <weft/loop.hpp>
#include <weft/result.hpp>

namespace weft::control {

struct Command;

/// A command as its server declares it.
struct CommandDescription {
  CommandInfo info;
  std::vector<ConfigField> parameters;  ///< to read: their targets are gone
};

/// One request that a command has. Movable; any thread.
class Call {
 public:
  Call() = default;
  Call(Loop& loop, std::weak_ptr<Command> command, std::uint64_t id) noexcept
      : loop_(&loop), command_(std::move(command)), id_(id) {}

  /// The caller has its answer. The call is over.
  void answered() { end(/*is_cancelled=*/false); }
  /// The caller is gone, and the command may stop. The call is over.
  void cancel() { end(/*is_cancelled=*/true); }

 private:
  void end(bool is_cancelled);

  Loop* loop_ = nullptr;  ///< lives as long as the process
  std::weak_ptr<Command> command_;
  std::uint64_t id_ = 0;
};

/// The commands of the node. Shared by the server and every registration. Any thread.
class Registry final : public std::enable_shared_from_this<Registry> {
 public:
  using Begin = UniqueFunction<std::unique_ptr<CommandCall>()>;

  /// Serves a command on `loop` until the registration is destroyed there. Errors: Errc::conflict.
  [[nodiscard]] Result<CommandRegistration> add(CommandInfo info, Loop& loop, Begin begin);

  /// Of every command that is served now, sorted.
  [[nodiscard]] std::vector<std::string> names();
  /// The commands that are served now, sorted by name.
  [[nodiscard]] std::vector<CommandDescription> descriptions();

  /// Hands a request to its command's loop. Answers Errc::not_found, naming the nearest command,
  /// or Errc::abandoned when the command is withdrawn before it ran.
  Call dispatch(const std::string& name, std::string params, Reply<std::string> reply);

 private:
  struct Served {
    Loop* loop;
    std::weak_ptr<Command> command;  ///< owned by the registration; used on `loop` only
    CommandDescription description;
  };
  class Registration;

  std::mutex mutex_;  ///< guards what follows; never held while other code runs
  std::map<std::string, Served, std::less<>> commands_;
  std::uint64_t last_call_ = 0;
};

}  // namespace weft::control
