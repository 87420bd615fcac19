/// Answers about configurations and plugins for tools; nothing is started.

#include "runtime/host/check.hpp"

#include <algorithm>
#include <filesystem>

#include "runtime/host/main_loop.hpp"
#include "runtime/host/node.hpp"
#include "runtime/host/plugin_instance.hpp"

namespace weft::host {

std::vector<std::string> to_complaints(const config::Problems& problems) {
  std::vector<std::string> complaints;
  for (const config::Problem& problem : problems) {
    complaints.push_back(problem.to_string());
  }
  return complaints;
}

std::vector<std::string> check_config(const std::string& path, BuiltInParts built_in) {
  auto config = config::load_node_config(path);
  if (!config) {
    return to_complaints(config.error());
  }
  NodeOptions options;
  options.is_check = true;
  options.built_in = std::move(built_in);
  const auto node = Node::create(*std::move(config), std::make_shared<MainLoop>(), options);
  return node ? std::vector<std::string>() : node.error();
}

std::vector<FoundPlugin> list_plugins(const std::vector<std::string>& directories) {
  std::vector<FoundPlugin> found;
  for (const std::string& directory : directories) {
    std::error_code ignored;  // a directory that is not there holds no plugins
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
      if (entry.path().extension() == ".so") {
        found.push_back({entry.path().string(), read_manifest_file(entry.path().string())});
      }
    }
  }
  std::ranges::sort(found, {}, &FoundPlugin::path);
  return found;
}

Result<std::vector<FieldDescription>> plugin_fields(const std::string& path) {
  Manifest manifest;
  WEFT_TRY(manifest, read_manifest_file(path));
  config::HostConfig host;
  const auto core = std::make_shared<NodeCore>(host, host.name, std::make_shared<MainLoop>());
  const auto plugin =
      std::make_shared<PluginInstance>(core, std::move(manifest), path, [](PluginInstance&) {});
  auto ready = plugin->verify().and_then([&] { return plugin->load(); });
  std::vector<FieldDescription> fields;
  if (ready) {
    const auto complaints = plugin->configure({}, path, NodeOptions().start_deadline);
    if (!complaints.empty()) {
      ready = fail(Errc::invalid, complaints.front());
    }
    for (const ConfigField& field : plugin->fields()) {
      fields.push_back({field.name, field.type, field.default_value, field.help});
    }
  }
  plugin->stop(NodeOptions().stop_deadline);
  return ready ? Result<std::vector<FieldDescription>>(std::move(fields))
               : tl::unexpected(ready.error());
}

}  // namespace weft::host
