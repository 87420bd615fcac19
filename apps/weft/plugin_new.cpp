/// Copies a template of the SDK under another name.

#include "plugin_new.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/core.h>

#include <weft/abi.hpp>

#include "console/own_path.hpp"
#include "console/print.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/host/manifest.hpp"

namespace weft::cli {

using namespace console;

namespace {

namespace fs = std::filesystem;

/// What every kind has besides its own files.
constexpr std::string_view common_source = "template/common";
constexpr std::string_view common_word = "my-plugin";
/// Ends the raw string that embeds a manifest; see cmake/manifest.cpp.in.
constexpr std::string_view manifest_end = ")weft-toml\"";

std::string in_words(std::string_view name, char between, bool capitals) {
  std::string text;
  bool is_start = true;
  for (const char c : name) {
    if (c == '-' || c == '_') {
      is_start = true;
      if (between != '\0') {
        text += between;
      }
    } else {
      text += capitals && is_start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      is_start = false;
    }
  }
  return text;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

Result<std::string> read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || !text) {
    return fail(errno != 0 ? errno : EIO, fmt::format("read '{}'", file.string()));
  }
  return text.str();
}

Result<> write_text(const fs::path& file, const std::string& text, fs::perms mode) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    return fail(errno != 0 ? errno : EIO, fmt::format("write '{}'", file.string()));
  }
  fs::permissions(file, mode, error);
  return {};
}

Result<> copy_filled(const fs::path& from, std::string_view word, const PluginName& name,
                     const fs::path& to) {
  std::error_code error;
  fs::recursive_directory_iterator entries(from, error);
  if (error) {
    return fail(Errc::not_found, fmt::format("find the SDK's templates in '{}': install the SDK "
                                             "(cmake --install ... --component sdk)",
                                             from.string()));
  }
  for (const fs::directory_entry& entry : entries) {
    if (!entry.is_regular_file()) {
      continue;
    }
    std::string text;
    WEFT_TRY(text, read_text(entry.path()));
    const std::string place = fs::relative(entry.path(), from).string();
    WEFT_TRY(write_text(to / fill_template(place, word, name),
                        fill_template(std::move(text), word, name), entry.status().permissions()));
  }
  return {};
}

/// In the CMakeLists.txt of the common files.
Result<> link_library(const fs::path& directory, std::string_view library) {
  const fs::path file = directory / "CMakeLists.txt";
  std::string text;
  WEFT_TRY(text, read_text(file));
  return write_text(file,
                    replace_all(std::move(text), "SOURCES ${sources}",
                                fmt::format("SOURCES ${{sources}} LIBRARIES {}", library)),
                    fs::status(file).permissions());
}

/// share/weft beside the directory of this program.
Result<std::string> find_templates() {
  fs::path self;
  WEFT_TRY(self, own_path());
  return (self.parent_path().parent_path() / "share/weft").string();
}

Result<> make_plugin(const std::string& name, const std::string& kind,
                     const std::string& directory) {
  const auto& kinds = plugin_kinds();
  const auto chosen = std::ranges::find(kinds, kind, &PluginKind::name);
  if (chosen == kinds.end()) {
    std::string known;
    for (const PluginKind& each : kinds) {
      known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
    return fail(Errc::invalid,
                fmt::format("make a plugin of kind '{}': want one of {}", kind, known));
  }
  PluginName parsed;
  WEFT_TRY(parsed, parse_plugin_name(name));
  std::string templates;
  WEFT_TRY(templates, find_templates());
  const std::string to = directory.empty() ? name : directory;
  WEFT_TRY(write_plugin(parsed, *chosen, templates, to));
  std::printf("%s: %s\n", to.c_str(), std::string(chosen->help).c_str());
  std::printf(
      "next: cd %s && cmake -S . -B build && cmake --build build && ctest --test-dir build\n",
      to.c_str());
  return {};
}

}  // namespace

const std::vector<PluginKind>& plugin_kinds() {
  static const std::vector<PluginKind> kinds{
      {"event", "follows what others say has happened", "template/event", common_word, ""},
      {"service", "answers questions of other plugins", "template/service", common_word, ""},
      {"overlay", "carries frames between peers", "examples/udp-overlay", "udp-overlay",
       "weft::overlay"},
      {"nat", "translates addresses between pods and the world", "template/nat", common_word, ""},
      {"ipam", "hands out pod addresses", "template/ipam", common_word, ""},
      {"cni", "serves a program that attaches containers", "template/cni", common_word, ""}};
  return kinds;
}

Result<PluginName> parse_plugin_name(std::string_view name) {
  if (!config::is_plugin_name(name) || name.front() < 'a' || name.front() > 'z' ||
      name.back() == '-' || name.back() == '_') {
    return fail(Errc::invalid,
                fmt::format("call a plugin '{}': want at most 32 lower-case letters, "
                            "digits, '-' and '_', a letter first and no '-' or '_' "
                            "last",
                            name));
  }
  if (name == "weft" || name == "plugin" || name == "test") {
    return fail(Errc::invalid, fmt::format("call a plugin '{}': the name is taken", name));
  }
  return PluginName{std::string(name), in_words(name, '_', false) + "_plugin",
                    in_words(name, '\0', true)};
}

std::string fill_template(std::string text, std::string_view word, const PluginName& name) {
  text = replace_all(std::move(text), in_words(word, '\0', true), name.type);
  text = replace_all(std::move(text), in_words(word, '_', false), name.scope);
  return replace_all(std::move(text), word, name.name);
}

Result<> write_plugin(const PluginName& name, const PluginKind& kind, const std::string& templates,
                      const std::string& directory) {
  std::error_code error;
  if (fs::exists(directory, error) && !fs::is_empty(directory, error)) {
    return fail(Errc::conflict,
                fmt::format("write to '{}': it is there and not an empty directory; name another "
                            "with --directory",
                            directory));
  }
  WEFT_TRY(copy_filled(fs::path(templates) / kind.source, kind.word, name, directory));
  WEFT_TRY(copy_filled(fs::path(templates) / common_source, common_word, name, directory));
  return kind.library.empty() ? Result<>() : link_library(directory, kind.library);
}

int new_plugin(const std::string& name, const std::string& kind, const std::string& directory) {
  const auto made = make_plugin(name, kind, directory);
  return made ? exit_ok : report_error(made.error());
}

int embed_manifest(const std::string& file) {
  const auto text = read_text(file);
  if (!text) {
    return report_error(text.error());
  }
  if (text->find(manifest_end) != std::string::npos) {
    return report_error(
        fail(Errc::invalid, fmt::format("embed '{}': it contains {}", file, manifest_end)).value());
  }
  const std::string stamp =
      "weft-plugin 1\nabi = \"" WEFT_ABI_STAMP "\"\nsdk = \"" WEFT_SDK_VERSION "\"\n";
  if (const auto manifest = host::parse_manifest(stamp + *text); !manifest) {
    return report_error(manifest.error());
  }
  std::printf(
      "// Generated by weft plugin embed: what the host reads before it runs any of the plugin.\n"
      "#include <weft/abi.hpp>\n\n"
      "__attribute__((section(\".weft.plugin\"), used)) extern const char weft_plugin_manifest[] "
      "=\n"
      "    \"weft-plugin 1\\n\"\n"
      "    \"abi = \\\"\" WEFT_ABI_STAMP \"\\\"\\n\"\n"
      "    \"sdk = \\\"\" WEFT_SDK_VERSION \"\\\"\\n\"\n"
      "    R\"weft-toml(%s)weft-toml\";\n",
      text->c_str());
  return exit_ok;
}

}  // namespace weft::cli
