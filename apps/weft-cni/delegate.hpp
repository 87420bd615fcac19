#pragma once
/// Running another CNI plugin, to which ours delegates address management.

#include <string>
#include <string_view>

#include "failure.hpp"

namespace weft::cni {

/// Runs the plugin `type` from one of the directories in `path` (separated by ':') with our own
/// environment and `config` on its standard input; answers its standard output. Its standard error
/// is ours. Errors: those the plugin reports; Code::invalid_configuration when there is no such
/// plugin.
[[nodiscard]] Outcome<std::string> run_plugin(const std::string& type, std::string_view path,
                                              std::string_view config);

}  // namespace weft::cni
