#pragma once
/// Runs another program and waits for it.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <weft/result.hpp>

namespace weft::process {

/// What a program printed and how it ended.
struct Finished {
  int status = 0;  ///< its exit status; 128 and the number of the signal that ended it
  std::string output;
  std::string errors;

  [[nodiscard]] bool is_good() const noexcept { return status == 0; }
};

/// Runs `argv` with `input` as its standard input, in the namespaces of the calling thread, which
/// waits: for threads that may block. A name without '/' is looked up in PATH. At most 16 MiB of
/// output are kept. Errors: ENOENT without such a program; Errc::timeout, after which it is killed.
[[nodiscard]] Result<Finished> run(const std::vector<std::string>& argv,
                                   std::string_view input = {},
                                   std::chrono::milliseconds limit = std::chrono::seconds{10});

}  // namespace weft::process
