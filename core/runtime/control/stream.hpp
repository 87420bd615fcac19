#pragma once
/// Commands of the control socket whose answer is followed by lines, until the client goes away.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <weft/function.hpp>
#include <weft/result.hpp>

#include "runtime/control/registry.hpp"

namespace weft::control {

/// The lines for one client. They are taken one by one, each when the client has taken the one
/// before; what comes faster, this keeps within bounds. Used and destroyed on the server's loop.
class LineStream {
 public:
  virtual ~LineStream() = default;
  /// The next line, without its newline; nothing when there is none now.
  [[nodiscard]] virtual std::optional<std::string> next() = 0;
};

struct OpenStream {
  std::string answer;  ///< JSON
  std::unique_ptr<LineStream> lines;
};

struct StreamCommand {
  CommandDescription description;
  /// Opens a stream for a client. `wake` is to be called, on the server's loop, when there is a
  /// line again after there was none. Errors: answered to the client.
  std::function<Result<OpenStream>(std::string_view params, Task wake)> open;
};

/// By name. Used on the server's loop.
using StreamCommands = std::map<std::string, StreamCommand, std::less<>>;

}  // namespace weft::control
