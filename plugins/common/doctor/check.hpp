#pragma once
/// What a plugin has looked at for `weft doctor`: the answer of its control command PLUGIN.doctor.

#include <cstdint>
#include <string>
#include <vector>

#include <weft/control.hpp>

namespace weft::doctor {

enum class State : std::uint8_t {
  ok,
  off,   ///< switched off by the operator
  note,  ///< worth knowing; nothing is wrong
  wrong  ///< `weft doctor` fails
};

/// One thing that was looked at.
struct Check {
  std::string name;  ///< what is checked: "pod-guard"
  State state = State::ok;
  std::string text;         ///< what was found, one sentence without full stop
  std::string remedy = {};  ///< what to do about it
  bool operator==(const Check&) const = default;
};

/// A JSON list: [{"check": "pod-guard", "state": "ok", "text": "...", "remedy": ""}].
[[nodiscard]] std::string to_json(const std::vector<Check>& checks);

/// The command PLUGIN.doctor.
[[nodiscard]] CommandInfo command_of(const std::string& plugin);

}  // namespace weft::doctor
