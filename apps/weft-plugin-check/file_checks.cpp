/// What can be said of a plugin's file without running any of it.

#include <elf.h>

#include <algorithm>
#include <regex>

#include <fmt/core.h>

#include "check.hpp"
#include "elf_object.hpp"
#include "runtime/host/loader.hpp"

namespace weft::conformance {
namespace {

/// Names of the standard library and of header libraries, the SDK's and those that plugins often
/// bring along, and what the compiler keeps for them: guards, type information, virtual tables.
/// Source: Itanium C++ ABI, section 5.1.
bool is_library_name(const std::string& mangled) {
  static const std::regex library(
      "_Z(GVZ?|TI|TS|TV|TT|TC|TH|TW|ZN?)?(N[KVrRO]*)?"
      "(5boost|[0-9]+boost_asio_|St|S[absiod]|9__gnu_cxx|10__cxxabiv1|3fmt|2tl|8nlohmann).*");
  static const std::regex toolchain(
      "DW\\.ref\\..*|_ITM_.*|__.*|completed\\..*|_DYNAMIC|_GLOBAL_.*");
  static const std::regex c_name("boost_asio_detail_.*");  // extern "C" and inline in Asio
  return std::regex_match(mangled, library) || std::regex_match(mangled, toolchain) ||
         std::regex_match(mangled, c_name);
}

/// At most three names, for people.
std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i) {
    text += (i == 0 ? "" : ", ") + demangle(names[i]);
  }
  return names.size() > 3 ? fmt::format("{} and {} more", text, names.size() - 3) : text;
}

std::vector<std::string> names_of(const std::vector<Symbol>& symbols,
                                  bool (*is_meant)(const Symbol&)) {
  std::vector<std::string> names;
  for (const Symbol& symbol : symbols) {
    if (is_meant(symbol)) {
      names.push_back(symbol.name);
    }
  }
  return names;
}

Outcome refuse(const Error& error, const char* remedy) {
  return failed(error.message(), remedy);
}

/// Runs `judge` on the file's symbols.
Outcome with_object(const Subject& subject, Outcome (*judge)(const ElfObject&)) {
  const auto object = ElfObject::read(subject.path);
  return object ? judge(*object)
                : refuse(object.error(), "link it as a shared object with weft_add_plugin");
}

}  // namespace

Outcome check_trusted(const Subject& subject) {
  const auto real = host::check_plugin_file(subject.path);
  return real
             ? passed("only root and this user can change it")
             : refuse(real.error(), "as the reason says; the same holds for every directory above");
}

Outcome check_manifest(const Subject& subject) {
  const auto manifest = host::read_manifest_file(subject.path);
  return manifest ? passed(fmt::format("{} {}", manifest->name, manifest->version))
                  : refuse(manifest.error(),
                           "build it with weft_add_plugin, which embeds plugin.toml; the file's "
                           "name is the manifest's");
}

Outcome check_stamp(const Subject& subject) {
  const auto manifest = host::read_manifest_file(subject.path);
  if (!manifest) {
    return skipped("it has no manifest");
  }
  const auto fits = host::check_compatible(manifest->abi, host::host_abi());
  return fits ? passed(manifest->abi.stamp)
              : refuse(fits.error(), "rebuild it against this host's weft-sdk");
}

Outcome check_exports(const Subject& subject) {
  return with_object(subject, [](const ElfObject& object) {
    const std::vector<Symbol> symbols = object.exported();
    const auto own = names_of(symbols, [](const Symbol& s) {
      return s.is_defined && s.name == "weft_plugin" && s.binding == STB_GLOBAL;
    });
    const auto others = names_of(symbols, [](const Symbol& s) {
      const bool is_sanitizer = s.name.starts_with("__odr_asan.");
      return s.is_defined && s.binding != STB_LOCAL && s.name != "weft_plugin" && !is_sanitizer &&
             !(s.binding != STB_GLOBAL && is_library_name(s.name));
    });
    if (own.size() != 1) {
      return failed("it does not export 'weft_plugin'", "end plugin.cpp with WEFT_PLUGIN(Class)");
    }
    return others.empty() ? passed("weft_plugin, and inline code of libraries")
                          : failed(fmt::format("it also exports {}", join(others)),
                                   "compile with -fvisibility=hidden -fvisibility-inlines-hidden, "
                                   "as weft_add_plugin does");
  });
}

Outcome check_unique_symbols(const Subject& subject) {
  return with_object(subject, [](const ElfObject& object) {
    const auto unique = names_of(object.exported(), [](const Symbol& s) {
      return s.is_defined && s.binding == STB_GNU_UNIQUE;
    });
    return unique.empty() ? passed("none")
                          : failed(fmt::format("{} could never be unmapped", join(unique)),
                                   "compile with -fno-gnu-unique, as weft_add_plugin does");
  });
}

Outcome check_text_relocations(const Subject& subject) {
  return with_object(subject, [](const ElfObject& object) {
    return object.has_text_relocations()
               ? failed("its code is written to when it is loaded", "compile with -fPIC")
               : passed("none");
  });
}

Outcome check_writable_state(const Subject& subject) {
  return with_object(subject, [](const ElfObject& object) {
    const std::vector<Symbol> symbols = object.all();
    if (symbols.empty()) {
      return skipped("it was stripped, so nobody can tell whose variables it has");
    }
    const auto state = names_of(symbols, [](const Symbol& s) {
      return s.is_writable && s.size > 0 && (s.type == STT_OBJECT || s.type == STT_TLS) &&
             !is_library_name(s.name);
    });
    return state.empty()
               ? passed("no variable of its own outlives an instance")
               : failed(fmt::format("it keeps {} outside the plugin's object", join(state)),
                        "make them members of the plugin, or const");
  });
}

}  // namespace weft::conformance
