#pragma once
/// The address range as lines of `weft status`, from the answer of ipam.status. Pure.
/// Source: weave prog/weaver/http.go, the status templates.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace weft::ipam {

/// How allocation stands. Answers of summary.IPAM and page.ipam: lists of lines.
[[nodiscard]] std::string summary_lines(const nlohmann::ordered_json& status);
/// Who owns how much; the peer `own_name` comes first, with its active addresses.
[[nodiscard]] std::string shares_lines(const nlohmann::ordered_json& status,
                                       std::string_view own_name);

}  // namespace weft::ipam
