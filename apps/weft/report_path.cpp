/// Reads paths and follows them.

#include "report_path.hpp"

#include <cctype>
#include <charconv>

#include <fmt/core.h>

namespace weft::cli {

using namespace console;

namespace {

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

class PathReader {
 public:
  PathReader(std::string_view text, std::size_t column) : text_(text), first_column_(column) {}

  Result<std::vector<PathStep>> read() {
    if (text_.starts_with('$')) {
      at_ = 1;
    }
    std::vector<PathStep> steps;
    if (text_.substr(at_) == ".") {
      return steps;
    }
    while (at_ < text_.size()) {
      PathStep step;
      if (text_[at_] == '.') {
        WEFT_TRY(step, field());
      } else if (text_[at_] == '[') {
        WEFT_TRY(step, element());
      } else {
        return format_error(
            column(), fmt::format("want '.NAME' or '[' in a path, not '{}'", text_.substr(at_, 1)));
      }
      steps.push_back(std::move(step));
    }
    return steps;
  }

 private:
  [[nodiscard]] std::size_t column() const { return first_column_ + at_; }

  /// At a '.'.
  Result<PathStep> field() {
    PathStep step{PathStep::Kind::field, {}, 0, column()};
    ++at_;
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_character(text_[at_])) {
      ++at_;
    }
    step.name = text_.substr(begin, at_ - begin);
    if (step.name.empty()) {
      return format_error(step.column, "a name must follow '.'");
    }
    return step;
  }

  /// At a '['.
  Result<PathStep> element() {
    PathStep step{PathStep::Kind::every, {}, 0, column()};
    const std::size_t end = text_.find(']', at_);
    if (end == std::string_view::npos) {
      return format_error(step.column, "'[' has no ']'");
    }
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    if (inside.empty() || inside == "*") {
      return step;
    }
    step.kind = PathStep::Kind::element;
    const auto [rest, error] =
        std::from_chars(inside.data(), inside.data() + inside.size(), step.index);
    if (error == std::errc::result_out_of_range) {
      return format_error(step.column, fmt::format("index {} is too large", inside));
    }
    if (error != std::errc() || rest != inside.data() + inside.size()) {
      return format_error(step.column, "between '[' and ']' goes an index from 0, '*' or nothing");
    }
    return step;
  }

  std::string_view text_;
  std::size_t first_column_;
  std::size_t at_ = 0;
};

/// What a value is, for errors: its kind, and what an object has.
std::string describe(const Json& value) {
  if (!value.is_object()) {
    return value.is_null() ? "null" : fmt::format("a JSON {}", value.type_name());
  }
  std::string names;
  for (const auto& [name, member] : value.items()) {
    names += (names.empty() ? "" : ", ") + name;
  }
  return names.empty() ? "an empty object" : "an object of " + names;
}

Result<const Json*> field_of(const Json& value, const PathStep& step) {
  static const Json null;
  if (value.is_object()) {
    if (const auto found = value.find(step.name); found != value.end()) {
      return &*found;
    }
  }
  const bool is_key = std::isupper(static_cast<unsigned char>(step.name.front())) == 0;
  if (is_key && (value.is_object() || value.is_null())) {
    return &null;
  }
  return format_error(step.column,
                      fmt::format("there is no '{}' in {}", step.name, describe(value)));
}

Result<const Json*> element_of(const Json& value, const PathStep& step) {
  if (!value.is_array()) {
    return format_error(step.column, fmt::format("want a list, not {}", describe(value)));
  }
  if (step.index >= value.size()) {
    return format_error(step.column, fmt::format("there is no element {} in a list of {}",
                                                 step.index, value.size()));
  }
  return &value[step.index];
}

/// Appends what `step` leads to from `value`.
Result<> follow(const Json& value, const PathStep& step, std::vector<const Json*>& found) {
  if (step.kind == PathStep::Kind::every) {
    if (!value.is_array() && !value.is_null()) {
      return format_error(step.column, fmt::format("want a list, not {}", describe(value)));
    }
    for (const Json& element : value) {  // null has none
      found.push_back(&element);
    }
    return {};
  }
  const Json* next = nullptr;
  WEFT_TRY(next,
           step.kind == PathStep::Kind::field ? field_of(value, step) : element_of(value, step));
  found.push_back(next);
  return {};
}

}  // namespace

Result<std::vector<PathStep>> parse_path(std::string_view text, std::size_t column) {
  return PathReader(text, column).read();
}

Result<std::vector<const Json*>> select(const Json& root, const std::vector<PathStep>& path) {
  std::vector<const Json*> values{&root};
  for (const PathStep& step : path) {
    std::vector<const Json*> next;
    for (const Json* const value : values) {
      WEFT_TRY(follow(*value, step, next));
    }
    values = std::move(next);
  }
  return values;
}

tl::unexpected<Error> format_error(std::size_t column, std::string_view what) {
  return fail(Errc::invalid, fmt::format("use the format: column {}: {}", column, what));
}

}  // namespace weft::cli
