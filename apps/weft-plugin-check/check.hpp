#pragma once
/// The checks, in the order they are made.

#include <chrono>
#include <string>
#include <vector>

#include "outcome.hpp"
#include "runtime/host/manifest.hpp"

namespace weft::conformance {

/// What is checked, and how.
struct Subject {
  std::string path;                      ///< absolute
  host::Manifest manifest;               ///< empty until the file was found sound
  std::vector<std::string> plugin_path;  ///< where providers of what it requires may be
  std::string settings;                  ///< TOML tables [plugin.NAME], or empty
  unsigned cycles = 100;
  bool masquerades = true;  ///< a weft.nat/1 that leaves addresses alone on purpose says false
};

/// How a check is made.
struct Check {
  const char* name;
  Outcome (*run)(const Subject& subject);
  bool runs_plugin;  ///< made in a process of its own, with the deadline
  std::chrono::seconds deadline{30};
};

[[nodiscard]] const std::vector<Check>& all_checks();

/// Whether its manifest says so.
[[nodiscard]] bool provides(const Subject& subject, std::string_view interface);

// The file, of which nothing is run.
[[nodiscard]] Outcome check_trusted(const Subject& subject);
[[nodiscard]] Outcome check_manifest(const Subject& subject);
[[nodiscard]] Outcome check_stamp(const Subject& subject);
[[nodiscard]] Outcome check_exports(const Subject& subject);
[[nodiscard]] Outcome check_unique_symbols(const Subject& subject);
[[nodiscard]] Outcome check_text_relocations(const Subject& subject);
[[nodiscard]] Outcome check_writable_state(const Subject& subject);

// Its code in a process, not started.
[[nodiscard]] Outcome check_constructors(const Subject& subject);
[[nodiscard]] Outcome check_schema(const Subject& subject);
[[nodiscard]] Outcome check_unknown_key(const Subject& subject);
[[nodiscard]] Outcome check_wrong_type(const Subject& subject);

// Its life in a node.
[[nodiscard]] Outcome check_life(const Subject& subject);
[[nodiscard]] Outcome check_threads(const Subject& subject);
[[nodiscard]] Outcome check_stop_under_load(const Subject& subject);
[[nodiscard]] Outcome check_cycles(const Subject& subject);

// Rules of lanes, and behaviour of what it provides.
[[nodiscard]] Outcome check_lanes(const Subject& subject);
/// The same for an overlay, which carries frames only when it is connected.
[[nodiscard]] Outcome check_overlay_lanes(const Subject& subject);
/// What a lane watch found, while `frames` passed.
[[nodiscard]] Outcome judge_lanes(const std::vector<std::string>& finds, std::uint64_t frames);
[[nodiscard]] Outcome check_ipam(const Subject& subject);
[[nodiscard]] Outcome check_nat(const Subject& subject);
[[nodiscard]] Outcome check_overlay(const Subject& subject);

}  // namespace weft::conformance
