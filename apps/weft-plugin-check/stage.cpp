/// Builds a node around one plugin.

#include "stage.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/core.h>

#include "fabric/built_in.hpp"
#include "runtime/host/check.hpp"
#include "runtime/host/graph.hpp"

namespace weft::conformance {
namespace {

/// The subject last, before it whatever it requires, directly or not.
tl::expected<std::vector<std::string>, Outcome> with_required(
    const Subject& subject, const std::vector<std::string>& directories) {
  const std::vector<host::FoundPlugin> found = host::list_plugins(directories);
  std::vector<std::string> plugins{subject.manifest.name};
  std::set<std::string> provided(subject.manifest.provides.begin(),
                                 subject.manifest.provides.end());
  const auto built_in = host::interfaces_of({fabric::built_in()});
  std::vector<std::string> wanted = subject.manifest.required;
  while (!wanted.empty()) {
    const std::string interface = std::move(wanted.back());
    wanted.pop_back();
    if (std::ranges::find(built_in, interface) != built_in.end() || provided.contains(interface)) {
      continue;
    }
    const auto provider = std::ranges::find_if(found, [&](const host::FoundPlugin& plugin) {
      return plugin.manifest && std::ranges::find(plugin.manifest->provides, interface) !=
                                    plugin.manifest->provides.end();
    });
    if (provider == found.end()) {
      return tl::unexpected(skipped(
          fmt::format("it requires {}, which no plugin on the plugin path provides", interface)));
    }
    plugins.insert(plugins.begin(), provider->manifest->name);
    provided.insert(provider->manifest->provides.begin(), provider->manifest->provides.end());
    wanted.insert(wanted.end(), provider->manifest->required.begin(),
                  provider->manifest->required.end());
  }
  return plugins;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", word);
  }
  return text;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "weft-check-XXXXXX").string();
  WEFT_CHECK(mkdtemp(pattern.data()) != nullptr, "the directory for temporary files is writable");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string join_lines(const std::vector<std::string>& complaints) {
  std::string text;
  for (const std::string& complaint : complaints) {
    text += (text.empty() ? "" : "; ") + complaint;
  }
  return text;
}

tl::expected<std::unique_ptr<host::Trial>, Outcome> make_trial(const Subject& subject,
                                                               const std::string& directory,
                                                               const TrialOptions& options) {
  std::vector<std::string> directories{std::filesystem::path(subject.path).parent_path().string()};
  directories.insert(directories.end(), subject.plugin_path.begin(), subject.plugin_path.end());
  directories.emplace_back("/usr/lib/weft/plugins");
  const auto plugins = with_required(subject, directories);
  if (!plugins) {
    return tl::unexpected(plugins.error());
  }
  auto config = config::parse_node_config(
      fmt::format("[host]\nplugins = [{}]\nplugin-path = [{}]\nstate-directory = \"{}/state\"\n"
                  "run-directory = \"{}/run\"\nname = \"{}\"\nlanes = 1\nlog-level = \"{}\"\n"
                  "{}\n",
                  quoted_list(*plugins), quoted_list(directories), directory, directory,
                  to_string(options.name), options.log_level, subject.settings),
      "settings");
  if (!config) {
    return tl::unexpected(
        failed(join_lines(host::to_complaints(config.error())), "correct the file of --config"));
  }
  host::NodeOptions node;
  node.built_in = {fabric::built_in()};
  auto trial =
      host::Trial::create(*std::move(config), std::make_shared<host::MainLoop>(), std::move(node));
  if (!trial) {
    return tl::unexpected(failed(join_lines(trial.error()),
                                 "as the reason says; fields without a usable default are set "
                                 "with --config"));
  }
  return *std::move(trial);
}

tl::expected<std::unique_ptr<host::Trial>, Outcome> start_trial(const Subject& subject,
                                                                const std::string& directory,
                                                                const TrialOptions& options) {
  auto trial = make_trial(subject, directory, options);
  if (!trial) {
    return trial;
  }
  if (const auto started = (*trial)->start(); !started) {
    const std::string reason = started.error().message();
    if ((*trial)->is_abandoned()) {
      static_cast<void>(trial->release());  // its thread still runs
    }
    return tl::unexpected(
        failed(reason,
               "start must succeed on a node with nothing but what plugin.toml requires, within "
               "10 s"));
  }
  return trial;
}

}  // namespace weft::conformance
