#pragma once
/// Templates over the report, such as "{{.Router.Name}}": the part of Go's text/template that
/// scripts around `weave report -f` use. Pure.
///
///   {{.Router.Name}}       a field; {{.}} is the current value, {{$.Version}} starts at the top
///   {{json .Router.Peers}} a value as JSON;  {{len .Router.Peers}} how many elements it has
///   {{"\n"}}               text, with \n, \t, \" and \\; `raw` without
///   {{range X}} {{else}} {{end}}   for each element; else: when there is none
///   {{if X}} {{else}} {{end}}      when it is not null, false, 0 or empty
///   {{with X}} {{else}} {{end}}    as if, and X is the current value inside
///
/// Source: Go text/template, "Actions"; weave prog/weaver/http.go, the function json.

#include <string>
#include <string_view>

#include "console/json.hpp"

namespace weft::cli {

/// Blocks may stand in one another this deep.
inline constexpr std::size_t max_template_depth = 32;

/// `text` with what its actions give for `report`. A field is a path as in report_path.hpp, without
/// [*]; text and numbers stand as they are, null is "<no value>", lists and objects are JSON.
/// Errors: Errc::invalid, with the column.
[[nodiscard]] Result<std::string> render_template(std::string_view text,
                                                  const console::Json& report);

}  // namespace weft::cli
