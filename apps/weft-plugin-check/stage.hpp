#pragma once
/// Where a plugin is tried: directories and a network of its own, and providers of what it
/// requires. For a process that does nothing else.

#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "check.hpp"
#include "runtime/host/trial.hpp"

namespace weft::conformance {

/// A directory that goes away with this object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// One node on the stage.
struct TrialOptions {
  PeerName name{1};
  const char* log_level = "error";
};

/// Loads and configures the subject and, from its plugin path, whatever it requires.
/// Errors: an Outcome that says why there is none; skipped when a required provider is missing.
[[nodiscard]] tl::expected<std::unique_ptr<host::Trial>, Outcome> make_trial(
    const Subject& subject, const std::string& directory, const TrialOptions& options = {});

/// The same, started.
[[nodiscard]] tl::expected<std::unique_ptr<host::Trial>, Outcome> start_trial(
    const Subject& subject, const std::string& directory, const TrialOptions& options = {});

/// Why `complaints` kept the subject from its configuration.
[[nodiscard]] std::string join_lines(const std::vector<std::string>& complaints);

}  // namespace weft::conformance
