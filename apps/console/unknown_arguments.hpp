#pragma once
/// What to say of words on the command line that no command has.

#include <string>

namespace CLI {
class App;
}

namespace weft::console {

/// Empty when the words that `app` could not use are no command's fault. After a failed parse.
[[nodiscard]] std::string explain_unknown_command(const CLI::App& app);

}  // namespace weft::console
