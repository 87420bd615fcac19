/// Writes results and errors.

#include "print.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "runtime/base/printable.hpp"

namespace weft::console {

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
  return report_problem(error.message());
}

int report_problem(std::string_view sentence) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, printable(sentence).c_str());
  return exit_error;
}

}  // namespace weft::console
