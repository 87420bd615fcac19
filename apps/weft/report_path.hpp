#pragma once
/// Paths into the report, such as ".Router.Peers[*].Name". Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "console/json.hpp"

namespace weft::cli {

/// One part of a path: ".name", "[index]", or "[*]" and "[]", which stand for every element.
struct PathStep {
  enum class Kind : std::uint8_t { field, element, every };
  Kind kind{};
  std::string name;       ///< of a field
  std::size_t index = 0;  ///< of an element, from 0
  std::size_t column = 0;
};

/// `text`: "." or "$" for everything, else steps with an optional "$" before them. Columns count
/// bytes, and that of the first is `column`. Errors: Errc::invalid, with the column.
[[nodiscard]] Result<std::vector<PathStep>> parse_path(std::string_view text,
                                                       std::size_t column = 1);

/// The values that `path` leads to from `root`: one, or any number with [*], in their order. They
/// live as long as `root`.
///
/// A name that begins with a capital letter must be there. Others are keys of maps, such as
/// overlays and attributes, which come and go: absent, and of null, they are null. Null has no
/// elements. Errors: Errc::invalid, with the column and what is there instead.
[[nodiscard]] Result<std::vector<const console::Json*>> select(const console::Json& root,
                                                               const std::vector<PathStep>& path);

/// An error about the format string at `column`.
[[nodiscard]] tl::unexpected<Error> format_error(std::size_t column, std::string_view what);

}  // namespace weft::cli
