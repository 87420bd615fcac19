#pragma once
/// Which command is served by whom.

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

/// The commands of the node. Shared by the server and every registration. Any thread.
class Registry final : public std::enable_shared_from_this<Registry> {
 public:
  /// Serves `name` on `loop` until the registration is destroyed there. Errors: Errc::conflict.
  [[nodiscard]] Result<CommandRegistration> add(std::string name, Loop& loop,
                                                Control::Handler handler);

  /// Of every command that is served now, sorted.
  [[nodiscard]] std::vector<std::string> names();

  /// Hands a request to its command's loop. Answers Errc::not_found, naming the nearest command,
  /// or Errc::abandoned when the command is withdrawn before it ran.
  void dispatch(const std::string& name, std::string params, Reply<std::string> reply);

 private:
  struct Command {
    Loop* loop;
    std::weak_ptr<Control::Handler> handler;  ///< owned by the registration; used on `loop` only
  };
  class Registration;

  std::mutex mutex_;  ///< guards the map; never held while other code runs
  std::map<std::string, Command, std::less<>> commands_;
};

}  // namespace weft::control
