/// Looks at how far the parser of the command line got.

#include "unknown_arguments.hpp"

#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "runtime/config/binder.hpp"

namespace weft::console {

std::string explain_unknown_command(const CLI::App& app) {
  const CLI::App* innermost = &app;
  std::string path = app.get_name();
  while (!innermost->get_subcommands().empty()) {
    innermost = innermost->get_subcommands().back();
    path += " " + innermost->get_name();
  }
  const std::vector<std::string> unused = innermost->remaining();
  std::vector<std::string> known;
  for (const CLI::App* const each :
       innermost->get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(each->get_name());
  }
  if (unused.empty() || known.empty() || unused.front().starts_with('-')) {
    return {};
  }
  return fmt::format("'{}' has no command '{}'{}", path, unused.front(),
                     config::did_you_mean(unused.front(), known));
}

}  // namespace weft::console
