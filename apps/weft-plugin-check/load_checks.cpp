/// What a plugin does when it is loaded and configured, before anything starts.

#include <fmt/core.h>

#include "check.hpp"
#include "process_usage.hpp"
#include "runtime/host/loader.hpp"
#include "stage.hpp"

namespace weft::conformance {
namespace {

/// Configures the subject with one more line in its table, which it must refuse there.
Outcome expect_refusal(const Subject& subject, const std::string& line, const std::string& what) {
  const TemporaryDirectory directory;
  Subject bad = subject;
  const std::string header = fmt::format("[plugin.{}]\n", subject.manifest.name);
  if (const std::size_t at = bad.settings.find(header); at != std::string::npos) {
    bad.settings.insert(at + header.size(), line + "\n");
  } else {
    bad.settings += "\n" + header + line + "\n";
  }
  const auto trial = make_trial(bad, directory.path());
  if (trial) {
    return failed(fmt::format("it accepts {}", what),
                  "declare every field in describe(Schema&) and read no other");
  }
  if (trial.error().status == Outcome::Status::skip) {
    return trial.error();
  }
  const std::string& reason = trial.error().reason;
  return reason.starts_with("settings:")
             ? passed(reason)
             : failed(fmt::format("it refuses {} without a place: {}", what, reason),
                      "let the schema bind the fields; throw nothing in describe");
}

}  // namespace

Outcome check_constructors(const Subject& subject) {
  const std::size_t threads = count_threads();
  const std::size_t descriptors = count_descriptors();
  const auto library = host::Library::load(subject.path);
  if (!library) {
    return failed(library.error().message(),
                  "every symbol must be found in a library that the file names (ldd -r FILE), and "
                  "no static constructor may throw");
  }
  if (count_threads() != threads) {
    return failed(fmt::format("loading it starts {} threads", count_threads() - threads),
                  "start nothing in static constructors; the host gives the plugin its thread");
  }
  if (count_descriptors() != descriptors) {
    return failed(fmt::format("loading it changes the open descriptors from {} to {}", descriptors,
                              count_descriptors()),
                  "open nothing in static constructors; use start()");
  }
  return passed("no thread and no descriptor");
}

Outcome check_schema(const Subject& subject) {
  const TemporaryDirectory directory;
  const auto trial = make_trial(subject, directory.path());
  if (!trial) {
    return trial.error();
  }
  for (const ConfigField& field : (*trial)->fields()) {
    if (field.name.empty() || field.help.empty()) {
      return failed(fmt::format("its field '{}' has no help", field.name),
                    "say in describe what each field is for");
    }
  }
  return passed(fmt::format("{} fields", (*trial)->fields().size()));
}

Outcome check_unknown_key(const Subject& subject) {
  return expect_refusal(subject, "no-such-key-here = 1", "an unknown key");
}

Outcome check_wrong_type(const Subject& subject) {
  const TemporaryDirectory directory;
  std::string line;
  {
    const auto trial = make_trial(subject, directory.path());
    if (!trial) {
      return trial.error();
    }
    if ((*trial)->fields().empty()) {
      return skipped("it has no fields");
    }
    const ConfigField& field = (*trial)->fields().front();
    line = field.name + (field.type == "boolean" ? " = 7" : " = true");
  }
  return expect_refusal(subject, line, "'" + line + "'");
}

}  // namespace weft::conformance
