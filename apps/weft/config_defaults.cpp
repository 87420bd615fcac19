/// Writes a configuration in which every field is explained and has its default.

#include <filesystem>
#include <set>
#include <vector>

#include <weft/config_text.hpp>

#include "ask.hpp"
#include "commands.hpp"
#include "console/json.hpp"
#include "console/page.hpp"
#include "console/print.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/host/check.hpp"
#include "runtime/service/registry.hpp"

namespace weft::cli {

using namespace console;

namespace {

bool shares(const host::Manifest& manifest, const std::string& interface) {
  return std::ranges::find(manifest.shares, interface) != manifest.shares.end();
}

/// A plugin and its fields.
struct Described {
  std::string file;
  host::Manifest manifest;
  std::vector<host::FieldDescription> fields;
  bool is_alternative = false;  ///< an earlier plugin provides the same: only one may be listed
};

Result<std::vector<Described>> describe(const std::vector<std::string>& files) {
  std::vector<Described> plugins;
  std::set<std::string> provided;
  for (const std::string& file : files) {
    Described plugin{std::filesystem::absolute(file).lexically_normal().string(), {}, {}, false};
    WEFT_TRY(plugin.manifest, host::read_manifest_file(plugin.file));
    WEFT_TRY(plugin.fields, host::plugin_fields(plugin.file));
    for (const std::string& interface : plugin.manifest.provides) {
      plugin.is_alternative = plugin.is_alternative ||
                              (!shares(plugin.manifest, interface) && provided.contains(interface));
    }
    if (!plugin.is_alternative) {
      provided.insert(plugin.manifest.provides.begin(), plugin.manifest.provides.end());
    }
    plugins.push_back(std::move(plugin));
  }
  return plugins;
}

std::vector<host::FieldDescription> host_fields() {
  config::HostConfig host;
  std::string log_level = "info";
  Schema schema;
  config::describe_host(schema, host, log_level);
  std::vector<host::FieldDescription> fields;
  for (const ConfigField& field : schema.fields()) {
    fields.push_back({field.name, field.type, field.default_value, field.help});
  }
  return fields;
}

void write_field(Page& page, const host::FieldDescription& field, const std::string& value = "") {
  page.blank();
  page.line("# {} ({})", field.help, field.type);
  if (!value.empty()) {
    page.line("{} = {}", field.name, value);
  } else {
    page.line("#{} = {}", field.name,
              field.default_value.empty() ? "not set" : field.default_value);
  }
}

void write_host(Page& page, const std::vector<Described>& plugins) {
  std::vector<std::string> names;
  std::vector<std::string> directories;
  for (const Described& plugin : plugins) {
    if (!plugin.is_alternative) {
      names.push_back(plugin.manifest.name);
    }
    const std::string directory = std::filesystem::path(plugin.file).parent_path().string();
    if (std::ranges::find(directories, directory) == directories.end()) {
      directories.push_back(directory);
    }
  }
  page.line("[host]");
  for (const host::FieldDescription& field : host_fields()) {
    if (field.name == "plugins") {
      write_field(page, field, config::value_text(names));
    } else if (field.name == "plugin-path" &&
               config::value_text(directories) != field.default_value) {
      write_field(page, field, config::value_text(directories));
    } else {
      write_field(page, field);
    }
  }
}

std::string defaults_toml(const std::vector<Described>& plugins) {
  Page page;
  page.line(
      "# Every field of a node's configuration with its default. To change one, remove the '#'");
  page.line("# in front of it.");
  page.blank();
  write_host(page, plugins);
  for (const Described& plugin : plugins) {
    page.blank();
    page.line("# {}", plugin.manifest.summary);
    if (plugin.is_alternative) {
      page.line(
          "# Not listed above: another plugin provides the same. List this one in its place.");
    }
    page.line("{}[plugin.{}]", plugin.is_alternative ? "#" : "", plugin.manifest.name);
    for (const host::FieldDescription& field : plugin.fields) {
      write_field(page, field);
    }
  }
  return page.take();
}

Json fields_json(const std::vector<host::FieldDescription>& fields) {
  Json list = Json::array();
  for (const host::FieldDescription& field : fields) {
    list.push_back({{"name", field.name},
                    {"type", field.type},
                    {"default", field.default_value},
                    {"help", field.help}});
  }
  return list;
}

std::string defaults_json(const std::vector<Described>& plugins) {
  Json tables = Json::object();
  for (const Described& plugin : plugins) {
    tables[plugin.manifest.name] = fields_json(plugin.fields);
  }
  const Json all{{"host", fields_json(host_fields())}, {"plugin", std::move(tables)}};
  return json_text(all, 4) + "\n";
}

}  // namespace

int show_defaults(const Options& options, const std::vector<std::string>& files,
                  const std::string& directory) {
  std::vector<std::string> chosen = files;
  if (files.empty()) {
    for (const host::FoundPlugin& found : host::list_plugins({directory})) {
      chosen.push_back(found.path);
    }
  }
  const auto plugins = describe(chosen);
  if (!plugins) {
    return report_error(plugins.error());
  }
  return print(options.json ? defaults_json(*plugins) : defaults_toml(*plugins));
}

}  // namespace weft::cli
