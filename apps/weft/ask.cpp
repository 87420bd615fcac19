/// One question to weftd, with errors that say what the operator can do.

#include "ask.hpp"

#include <cerrno>

#include "runtime/control/client.hpp"

namespace weft::cli {

Result<std::string> ask(const Options& options, std::string_view command, std::string_view params,
                        std::chrono::seconds patience) {
  auto answer = control::call(options.socket, command, params, patience);
  if (answer || answer.error().code.category() != std::generic_category()) {
    return answer;
  }
  const int code = answer.error().code.value();
  if (code == ENOENT || code == ECONNREFUSED) {
    return fail(Errc::unreachable, "ask weftd: nothing listens on '" + options.socket +
                                       "'; start it with 'weftd --config /etc/weft/weft.toml', or "
                                       "name its socket with --socket");
  }
  if (code == EACCES) {
    return fail(Errc::denied, "ask weftd: this user may not use '" + options.socket +
                                  "'; run as root or as a member of the socket's group");
  }
  return answer;
}

Result<std::optional<std::string>> ask_if_served(const Options& options, std::string_view command) {
  auto answer = ask(options, command);
  if (answer) {
    return std::optional(std::move(*answer));
  }
  if (answer.error().code == Errc::not_found) {
    return std::nullopt;
  }
  return tl::unexpected(std::move(answer).error());
}

}  // namespace weft::cli
