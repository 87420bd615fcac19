#pragma once
/// `weft doctor`: what the node's plugins find when they look at themselves.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/result.hpp>

#include "commands.hpp"

namespace weft::cli {

struct DoctorPage {
  std::string text;
  std::string json;     ///< the same as a list: {plugin, check, state, text, remedy}
  bool is_well = true;  ///< nothing is wrong
};

/// The names of the plugins that run, from "status", which may serve the command PLUGIN.doctor.
[[nodiscard]] Result<std::vector<std::string>> running_plugins(std::string_view status);

/// A plugin, and what it answered to PLUGIN.doctor.
using DoctorAnswer = std::pair<std::string, Result<std::string>>;

/// `status`: the answer of "status", whose failed plugins are wrong too. `answers`: plugins and
/// what each answered to PLUGIN.doctor; an error is wrong as well.
[[nodiscard]] Result<DoctorPage> render_doctor(std::string_view status,
                                               const std::vector<DoctorAnswer>& answers);

/// What the running plugins that serve PLUGIN.doctor answer, each within `patience`. `status`: the
/// answer of "status". Errors: Errc::malformed when that is no JSON.
[[nodiscard]] Result<std::vector<DoctorAnswer>> ask_doctors(const Options& options,
                                                            std::string_view status,
                                                            std::chrono::seconds patience);

}  // namespace weft::cli
