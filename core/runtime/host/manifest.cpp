/// Reads a plugin's manifest from its ELF file and decides whether this host can run it.

#include "runtime/host/manifest.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>

#include <fmt/core.h>

#include <weft/abi.hpp>
#include <weft/config.hpp>
#include <weft/unique_fd.hpp>

#include "runtime/config/binder.hpp"
#include "runtime/config/node_config.hpp"
#include "runtime/config/toml.hpp"
#include "runtime/host/elf_section.hpp"

namespace weft::host {
namespace {

constexpr std::string_view manifest_section = ".weft.plugin";
constexpr std::size_t max_manifest_bytes = 64U << 10U;
constexpr std::size_t max_plugin_bytes = 512U << 20U;  // debug information included

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(Errc::malformed, fmt::format("read the plugin's manifest: {}", what));
}

/// Takes the line `prefix`...`suffix` off the front of `text` and returns its middle.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view prefix,
                                          std::string_view suffix) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view line = text.substr(0, end);
  if (line.size() < prefix.size() + suffix.size() || !line.starts_with(prefix) ||
      !line.ends_with(suffix)) {
    return std::nullopt;
  }
  text.remove_prefix(end + 1);
  line.remove_prefix(prefix.size());
  line.remove_suffix(suffix.size());
  return line;
}

/// The three lines that the build writes before plugin.toml.
std::optional<Abi> take_header(std::string_view& text) {
  if (!take_line(text, "weft-plugin 1", "")) {
    return std::nullopt;
  }
  const auto stamp = take_line(text, "abi = \"", "\"");
  const auto sdk = take_line(text, "sdk = \"", "\"");
  if (!stamp || !sdk) {
    return std::nullopt;
  }
  Abi abi{0, 0, std::string(*stamp)};
  const char* const end = sdk->data() + sdk->size();
  const auto major = std::from_chars(sdk->data(), end, abi.sdk_major);
  if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') {
    return std::nullopt;
  }
  const auto minor = std::from_chars(major.ptr + 1, end, abi.sdk_minor);
  return minor.ec == std::errc{} && minor.ptr == end ? std::optional(std::move(abi)) : std::nullopt;
}

/// "weft.mesh.peer-up/1": dotted lower-case words and a version.
bool is_versioned_name(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return slash != std::string_view::npos && slash > 0 && slash + 1 < text.size() &&
         std::ranges::all_of(text.substr(0, slash), is_word) &&
         std::ranges::all_of(text.substr(slash + 1), is_digit);
}

Result<> check_manifest(const Manifest& manifest) {
  if (!config::is_plugin_name(manifest.name)) {
    return malformed(
        fmt::format("name = \"{}\": want lower-case letters, digits, '-' and '_'", manifest.name));
  }
  if (manifest.version.empty()) {
    return malformed("version is missing");
  }
  for (const auto* const list : {&manifest.provides, &manifest.shares, &manifest.required,
                                 &manifest.wants, &manifest.publishes}) {
    for (const std::string& name : *list) {
      if (!is_versioned_name(name)) {
        return malformed(
            fmt::format("'{}' is no interface or topic: want one like weft.mesh/1", name));
      }
    }
  }
  return {};
}

void describe_manifest(Schema& schema, Manifest& manifest) {
  schema.field("name", manifest.name, "The plugin's name and that of its file.");
  schema.field("version", manifest.version, "The plugin's version.");
  schema.field("summary", manifest.summary, "What it is for, in one sentence.");
  schema.field("provides", manifest.provides, "Interfaces it offers.");
  schema.field("shares", manifest.shares,
               "Interfaces it offers beside other plugins that share them.");
  schema.field("requires", manifest.required, "Interfaces it cannot start without.");
  schema.field("wants", manifest.wants, "Interfaces it starts after when they are there.");
  schema.field("publishes", manifest.publishes, "Topics it publishes.");
  schema.field("needs-capabilities", manifest.capabilities, "Linux capabilities it uses.");
  schema.field("critical", manifest.critical, "Whether the node stops when it fails.");
}

Result<Bytes> read_plugin_file(const std::string& path) {
  const UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) {
    return fail(errno, fmt::format("open plugin '{}'", path));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size > max_plugin_bytes) {
    return fail(Errc::invalid, fmt::format("read plugin '{}': it is no file of usual size", path));
  }
  Bytes octets(size);
  std::size_t used = 0;
  while (used < size) {
    const ssize_t got = read(file.get(), octets.data() + used, size - used);
    if (got < 0 && errno != EINTR) {
      return fail(errno, fmt::format("read plugin '{}'", path));
    }
    if (got == 0) {
      break;
    }
    used += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  octets.resize(used);
  return octets;
}

}  // namespace

Abi host_abi() {
  return {abi::sdk_major, abi::sdk_minor, WEFT_ABI_STAMP};
}

Result<Manifest> parse_manifest(std::string_view text) {
  if (text.size() > max_manifest_bytes) {
    return malformed("it is longer than 64 KiB");
  }
  auto abi = take_header(text);
  if (!abi) {
    return malformed("it does not begin with the format, abi and sdk lines");
  }
  const auto table = config::parse_toml(text, "plugin.toml");
  if (!table) {
    return malformed(table.error().to_string());
  }
  Manifest manifest;
  manifest.abi = *std::move(abi);
  Schema schema;
  describe_manifest(schema, manifest);
  if (const auto problems = config::bind_table(*table, schema, "plugin.toml"); !problems.empty()) {
    return malformed(problems.front().to_string());
  }
  WEFT_TRY(check_manifest(manifest));
  manifest.provides.insert(manifest.provides.end(), manifest.shares.begin(), manifest.shares.end());
  return manifest;
}

Result<Manifest> read_manifest(ByteView file) {
  auto section = find_elf_section(file, manifest_section);
  if (!section) {
    return tl::unexpected(std::move(section).error());
  }
  std::string_view text = as_text(*section);
  while (text.ends_with('\0')) {
    text.remove_suffix(1);
  }
  if (text.find('\0') != std::string_view::npos) {
    return malformed("the file holds more than one");
  }
  return parse_manifest(text);
}

Result<Manifest> read_manifest_file(const std::string& path) {
  auto octets = read_plugin_file(path);
  if (!octets) {
    return tl::unexpected(std::move(octets).error());
  }
  auto manifest = read_manifest(*octets);
  if (!manifest) {
    Error error = std::move(manifest).error();
    error.context = fmt::format("use plugin '{}': cannot {}", path, error.context);
    return tl::unexpected(std::move(error));
  }
  if (const auto stem = std::filesystem::path(path).stem().string(); stem != manifest->name) {
    return fail(Errc::invalid, fmt::format("use plugin '{}': its manifest names it '{}'; the file "
                                           "must be {}.so",
                                           path, manifest->name, manifest->name));
  }
  return manifest;
}

Result<> check_compatible(const Abi& plugin, const Abi& host) {
  const bool is_sdk_compatible = plugin.sdk_major == host.sdk_major &&
                                 (host.sdk_major == 0 ? plugin.sdk_minor == host.sdk_minor
                                                      : plugin.sdk_minor <= host.sdk_minor);
  if (!is_sdk_compatible) {
    return fail(Errc::unsupported,
                fmt::format("use a plugin built with weft-sdk {}.{} in a host with {}.{}; rebuild "
                            "it against weft-sdk {}.{}",
                            plugin.sdk_major, plugin.sdk_minor, host.sdk_major, host.sdk_minor,
                            host.sdk_major, host.sdk_minor));
  }
  if (plugin.stamp != host.stamp) {
    return fail(Errc::unsupported,
                fmt::format("use a plugin built as \"{}\" in a host built as \"{}\"; rebuild it "
                            "with the host's compiler and sanitizers",
                            plugin.stamp, host.stamp));
  }
  return {};
}

}  // namespace weft::host
