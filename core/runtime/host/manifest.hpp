#pragma once
/// What a plugin says about itself, read from its file before any of its code runs.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

namespace weft::host {

/// What must agree between a plugin and its host because C++ classes cross between them.
struct Abi {
  std::uint16_t sdk_major = 0;
  std::uint16_t sdk_minor = 0;
  std::string stamp;  ///< WEFT_ABI_STAMP of the compiler that built it

  bool operator==(const Abi&) const = default;
};

/// This library's own.
[[nodiscard]] WEFT_EXPORT Abi host_abi();

/// plugin.toml, and how the plugin was built.
struct Manifest {
  Abi abi;
  std::string name;
  std::string version;
  std::string summary;                    ///< one sentence
  std::vector<std::string> provides;      ///< interfaces, "weft.mesh/1"
  std::vector<std::string> shares;        ///< those of `provides` that others may provide besides
  std::vector<std::string> required;      ///< interfaces it cannot start without
  std::vector<std::string> wants;         ///< interfaces it starts after, when they are there
  std::vector<std::string> publishes;     ///< topics
  std::vector<std::string> capabilities;  ///< "CAP_NET_ADMIN"
  bool critical = false;                  ///< the node stops when this plugin fails
};

/// Reads the text of section .weft.plugin. A pure function of hostile input.
/// Errors: Errc::malformed, naming line and column of plugin.toml.
[[nodiscard]] WEFT_EXPORT Result<Manifest> parse_manifest(std::string_view text);

/// Reads the manifest out of a plugin's file. A pure function of hostile input.
/// Errors: those of find_elf_section and parse_manifest.
[[nodiscard]] WEFT_EXPORT Result<Manifest> read_manifest(ByteView file);

/// The same for the file at `path`; also refuses a manifest whose name is not the file's.
[[nodiscard]] WEFT_EXPORT Result<Manifest> read_manifest_file(const std::string& path);

/// Same major, minor not newer than the host's (before 1.0: equal), same stamp.
/// Errors: Errc::unsupported, naming both sides and the fix.
[[nodiscard]] WEFT_EXPORT Result<> check_compatible(const Abi& plugin, const Abi& host);

}  // namespace weft::host
