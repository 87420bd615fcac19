/// Commands that need no running weftd: checking a configuration, looking into plugin files.

#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "console/json.hpp"
#include "console/print.hpp"
#include "fabric/built_in.hpp"
#include "runtime/host/check.hpp"
#include "runtime/host/manifest.hpp"
#include "runtime/host/version.hpp"

namespace weft::cli {

using namespace console;

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text.empty() ? "none" : text;
}

void print_entry(const char* label, const std::string& value) {
  std::printf("%15s: %s\n", label, value.c_str());
}

void print_manifest(const host::Manifest& manifest, const std::string& fit) {
  print_entry("Name", manifest.name + " " + manifest.version);
  print_entry("Summary", manifest.summary);
  print_entry("Provides", joined(manifest.provides));
  print_entry("Requires", joined(manifest.required));
  print_entry("Wants", joined(manifest.wants));
  print_entry("Publishes", joined(manifest.publishes));
  print_entry("Capabilities", joined(manifest.capabilities));
  print_entry("Critical", manifest.critical ? "yes" : "no");
  print_entry(
      "SDK", std::to_string(manifest.abi.sdk_major) + "." + std::to_string(manifest.abi.sdk_minor));
  print_entry("ABI", manifest.abi.stamp);
  print_entry("Fits this host", fit);
}

void print_manifest_json(const host::Manifest& manifest, bool fits) {
  const Json object{{"name", manifest.name},
                    {"version", manifest.version},
                    {"summary", manifest.summary},
                    {"provides", manifest.provides},
                    {"requires", manifest.required},
                    {"wants", manifest.wants},
                    {"publishes", manifest.publishes},
                    {"needs-capabilities", manifest.capabilities},
                    {"critical", manifest.critical},
                    {"sdk-major", manifest.abi.sdk_major},
                    {"sdk-minor", manifest.abi.sdk_minor},
                    {"abi", manifest.abi.stamp},
                    {"fits", fits}};
  std::puts(object.dump(4, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace

int inspect_plugin(const Options& options, const std::string& file) {
  const auto manifest = host::read_manifest_file(file);
  if (!manifest) {
    return report_error(manifest.error());
  }
  const auto fits = host::check_compatible(manifest->abi, host::host_abi());
  if (options.json) {
    print_manifest_json(*manifest, fits.has_value());
  } else {
    print_manifest(*manifest, fits ? "yes" : fits.error().context);
  }
  return exit_ok;
}

int describe_plugin(const Options& options, const std::string& file) {
  const auto fields = host::plugin_fields(std::filesystem::absolute(file));
  if (!fields) {
    return report_error(fields.error());
  }
  Json list = Json::array();
  for (const host::FieldDescription& field : *fields) {
    if (options.json) {
      list.push_back({{"name", field.name},
                      {"type", field.type},
                      {"default", field.default_value},
                      {"help", field.help}});
    } else {
      std::printf("# %s\n# %s = %s  (%s)\n\n", field.help.c_str(), field.name.c_str(),
                  field.default_value.c_str(), field.type.c_str());
    }
  }
  if (options.json) {
    std::puts(list.dump(4, ' ', false, Json::error_handler_t::replace).c_str());
  }
  return exit_ok;
}

int check_config(const Options& options, const std::string& file) {
  const auto complaints = host::check_config(file, {fabric::built_in()});
  if (options.json) {
    const Json answer{{"file", file}, {"ok", complaints.empty()}, {"problems", complaints}};
    std::puts(answer.dump(4, ' ', false, Json::error_handler_t::replace).c_str());
    return complaints.empty() ? exit_ok : exit_error;
  }
  for (const std::string& complaint : complaints) {
    std::fprintf(stderr, "%s\n", complaint.c_str());
  }
  if (!complaints.empty()) {
    return exit_error;
  }
  std::printf("%s: ok\n", file.c_str());
  return exit_ok;
}

int show_version() {
  std::printf("weft %s\n", std::string(host::product_version()).c_str());
  return exit_ok;
}

}  // namespace weft::cli
