#pragma once
/// `weft doctor`: what the node's plugins find when they look at themselves. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/result.hpp>

namespace weft::cli {

struct DoctorPage {
  std::string text;
  std::string json;     ///< the same as a list: {plugin, check, state, text, remedy}
  bool is_well = true;  ///< nothing is wrong
};

/// The names of the plugins that run, from "status", which may serve the command PLUGIN.doctor.
[[nodiscard]] Result<std::vector<std::string>> running_plugins(std::string_view status);

/// `status`: the answer of "status", whose failed plugins are wrong too. `answers`: plugins and
/// what each answered to PLUGIN.doctor; an error is wrong as well.
[[nodiscard]] Result<DoctorPage> render_doctor(
    std::string_view status,
    const std::vector<std::pair<std::string, Result<std::string>>>& answers);

}  // namespace weft::cli
