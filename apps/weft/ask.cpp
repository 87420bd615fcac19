/// One question to weftd, with errors that say what the operator can do.

#include "ask.hpp"

#include <cerrno>
#include <utility>

#include "runtime/control/client.hpp"

namespace weft::cli {

namespace {

/// What the operator can do about it.
Error explain(const Options& options, Error error) {
  if (error.code.category() != std::generic_category()) {
    return error;
  }
  if (error.code.value() == ENOENT || error.code.value() == ECONNREFUSED) {
    return {make_error_code(Errc::unreachable),
            "ask weftd: nothing listens on '" + options.socket +
                "'; start it with 'weftd --config /etc/weft/weft.toml', or name its socket with "
                "--socket"};
  }
  if (error.code.value() == EACCES) {
    return {make_error_code(Errc::denied),
            "ask weftd: this user may not use '" + options.socket +
                "'; run as root or as a member of the socket's group"};
  }
  return error;
}

}  // namespace

Result<std::string> ask(const Options& options, std::string_view command, std::string_view params,
                        std::chrono::seconds patience) {
  return control::call(options.socket, command, params, patience).map_error([&](Error error) {
    return explain(options, std::move(error));
  });
}

Result<> follow(const Options& options, std::string_view command, std::string_view params,
                const std::function<bool(const std::string&)>& on_line) {
  return control::follow(options.socket, command, params, std::chrono::seconds{10}, on_line)
      .map_error([&](Error error) { return explain(options, std::move(error)); });
}

}  // namespace weft::cli
