#pragma once
/// The node's control socket, as a plugin sees it: named commands with JSON parameters and replies.

#include <memory>
#include <string>
#include <string_view>

#include <weft/reply.hpp>

namespace weft {

/// Keeps a command available; destroying it withdraws the command.
class [[nodiscard]] CommandRegistration {
 public:
  struct Node {
    virtual ~Node() = default;
  };
  CommandRegistration() = default;
  explicit CommandRegistration(std::unique_ptr<Node> node) : node_(std::move(node)) {}

 private:
  std::unique_ptr<Node> node_;
};

/// A plugin's view of the control server. Owned by the host; use it on the plugin's loop.
class Control {
 public:
  /// `params` is a JSON object as text; the answer is any JSON value as text. An error's context
  /// and code reach the caller. A caller that goes away only means that nobody reads the answer.
  using Handler = UniqueFunction<void(std::string params, Reply<std::string> answer)>;

  /// Serves `name` ("ipam.allocate") on the caller's loop. Errors: Errc::conflict.
  [[nodiscard]] virtual Result<CommandRegistration> serve(std::string name, Handler handler) = 0;

 protected:
  ~Control() = default;
};

}  // namespace weft
