#pragma once
/// The node's control socket, as a plugin sees it: named commands whose parameters are declared as
/// configuration is, and whose answers are JSON.

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/config.hpp>
#include <weft/function.hpp>
#include <weft/reply.hpp>
#include <weft/result.hpp>

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

/// One member of the JSON that a command answers.
struct AnswerField {
  std::string name;  ///< its path: "addresses", "plugins[].name"
  std::string help;  ///< one sentence or phrase
};

/// What a command is, for `weft commands` and the reference.
struct CommandInfo {
  std::string name;                 ///< "ipam.allocate"
  std::string help;                 ///< one sentence: what it does
  std::string answer = "null";      ///< the JSON: "object", "list of objects", "string", "null"
  std::vector<AnswerField> fields = {};  ///< of the object, or of each object in the list
};

/// For commands that take nothing.
struct NoParameters {
  static void describe(Schema& /*schema*/) {}
};

/// One call of a command, as the host carries it out on the serving loop: it describes, assigns
/// what the caller gave, validates, and runs.
class CommandCall {
 public:
  virtual ~CommandCall() = default;
  virtual void describe(Schema& schema) = 0;
  [[nodiscard]] virtual Result<> validate() = 0;
  /// Returns what ends the work, or an empty Task.
  [[nodiscard]] virtual Task run(Reply<std::string> answer) = 0;
};

/// A plugin's view of the control server. Owned by the host; use it on the plugin's loop.
class Control {
 public:
  /// Serves a command on the caller's loop.
  ///
  /// `Parameters` is a struct with `void describe(Schema&)`, as Plugin::describe: its members are
  /// the parameters, and their initial values the defaults. Each call has its own. What does not
  /// fit is refused before the handler runs: a parameter that is not declared, is missing
  /// (Schema::required), has the wrong type or is out of bounds; then what `Result<> validate()`
  /// says, if the struct has it.
  ///
  /// `handler(Parameters, Reply<std::string>)`, or `handler(Reply<std::string>)` without
  /// parameters, answers with any JSON value as text. An error's context and code reach the caller.
  /// It may return a Task, which ends the work: it runs on the caller's loop, at most once, when
  /// the client went away before it had the answer, while the command still works or after it
  /// answered. Whatever the command answers is then dropped. Without a Task, a client that goes
  /// away only means that nobody reads the answer.
  ///
  /// Errors: Errc::conflict.
  template <class Parameters = NoParameters, class Handler>
  [[nodiscard]] Result<CommandRegistration> serve(CommandInfo info, Handler handler) {
    return serve_erased(std::move(info), [shared = std::make_shared<Handler>(std::move(handler))] {
      return std::make_unique<TypedCall<Parameters, Handler>>(shared);
    });
  }

 protected:
  ~Control() = default;
  using Begin = UniqueFunction<std::unique_ptr<CommandCall>()>;

 private:
  template <class Parameters, class Handler>
  class TypedCall final : public CommandCall {
   public:
    explicit TypedCall(std::shared_ptr<Handler> handler) : handler_(std::move(handler)) {}

    void describe(Schema& schema) override { parameters_.describe(schema); }
    Result<> validate() override {
      if constexpr (requires { parameters_.validate(); }) {
        return parameters_.validate();
      } else {
        return {};
      }
    }
    Task run(Reply<std::string> answer) override {
      const auto call = [&] {
        if constexpr (std::is_same_v<Parameters, NoParameters>) {
          return (*handler_)(std::move(answer));
        } else {
          return (*handler_)(std::move(parameters_), std::move(answer));
        }
      };
      if constexpr (std::is_void_v<decltype(call())>) {
        call();
        return {};
      } else {
        return call();
      }
    }

   private:
    const std::shared_ptr<Handler> handler_;
    Parameters parameters_{};
  };

  [[nodiscard]] virtual Result<CommandRegistration> serve_erased(CommandInfo info, Begin begin) = 0;
};

}  // namespace weft
