#pragma once
/// Control commands whose work ends when the caller goes away.

#include <string>
#include <utility>

#include <weft/control.hpp>

namespace weft {

/// The control server of a host whose commands can learn that nobody waits for them any more.
class CancellableControl : public Control {
 public:
  /// As Control::Handler. Returns what ends the work, or an empty Task. It runs on the caller's
  /// loop, at most once, when the client went away before it had the answer: while the command
  /// still works, or after it answered. Whatever the command answers is then dropped.
  using CancellableHandler = UniqueFunction<Task(std::string params, Reply<std::string> answer)>;

  /// As Control::serve.
  [[nodiscard]] virtual Result<CommandRegistration> serve_cancellable(
      std::string name, CancellableHandler handler) = 0;

 protected:
  ~CancellableControl() = default;
};

/// Serves a command that may wait for long. On a host without CancellableControl the work goes on
/// when the caller is gone. Errors: as Control::serve.
[[nodiscard]] inline Result<CommandRegistration> serve_cancellable(
    Control& control, std::string name, CancellableControl::CancellableHandler handler) {
  if (auto* const cancellable = dynamic_cast<CancellableControl*>(&control)) {
    return cancellable->serve_cancellable(std::move(name), std::move(handler));
  }
  return control.serve(std::move(name), [handler = std::move(handler)](
                                            std::string params, Reply<std::string> answer) mutable {
    handler(std::move(params), std::move(answer));
  });
}

}  // namespace weft
