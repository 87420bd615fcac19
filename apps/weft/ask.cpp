/// One question to weftd, with errors that say what the operator can do.

#include "ask.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "runtime/base/printable.hpp"
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

std::string printable(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const std::size_t line = std::min(text.find_first_of("\n\t"), text.size());
    safe += one_line(text.substr(0, line));
    text.remove_prefix(line);
    if (!text.empty()) {
      safe += text.front();
      text.remove_prefix(1);
    }
  }
  return safe;
}

int print(const Result<std::string>& text) {
  if (!text) {
    return report_error(text.error());
  }
  const std::string page = printable(*text);
  if (std::fwrite(page.data(), 1, page.size(), stdout) != page.size() || std::fflush(stdout) != 0) {
    return report_error(fail(errno, "write to standard output").value());
  }
  return exit_ok;
}

int report_error(const Error& error) {
  std::fprintf(stderr, "weft: %s\n", printable(error.message()).c_str());
  return exit_error;
}

}  // namespace weft::cli
