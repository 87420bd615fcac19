/// Turns TOML text into tables. The only file that knows toml++; its exceptions end here.

#include "runtime/config/toml.hpp"

#include <exception>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include <toml++/toml.h>

namespace weft::config {
namespace {

Position position_of(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line),
          static_cast<std::uint32_t>(region.begin.column)};
}

/// What `node` is, for people.
std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::string:
      return "a string";
    default:
      return "a date or a time";
  }
}

/// A list of strings; nothing else fits a list of ours.
void read_list(const toml::array& source, Entry& entry) {
  std::vector<std::string> list;
  for (const toml::node& item : source) {
    const auto* const text = item.as_string();
    if (text == nullptr) {
      entry.unusable = {position_of(item.source()), "a list",
                        fmt::format("item {} of the list is {}", list.size() + 1, kind_of(item))};
      return;
    }
    list.push_back(text->get());
  }
  entry.value = std::move(list);
}

Entry to_entry(const toml::node& node, std::string key, Position at) {
  Entry entry{std::move(key), at, {}, {}};
  switch (node.type()) {
    case toml::node_type::boolean:
      entry.value = node.as_boolean()->get();
      break;
    case toml::node_type::integer:
      entry.value = node.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      entry.value = node.as_floating_point()->get();
      break;
    case toml::node_type::string:
      entry.value = node.as_string()->get();
      break;
    case toml::node_type::array:
      read_list(*node.as_array(), entry);
      break;
    default:
      entry.unusable = {position_of(node.source()), std::string(kind_of(node)), ""};
  }
  return entry;
}

Table to_table(const toml::table& source, std::string name, Position at) {
  Table table{std::move(name), at, {}, {}};
  for (const auto& [toml_key, node] : source) {
    std::string key(toml_key.str());
    const Position key_at = position_of(toml_key.source());
    if (const auto* const inner = node.as_table()) {
      table.tables.push_back(to_table(*inner, std::move(key), key_at));
    } else {
      table.entries.push_back(to_entry(node, std::move(key), key_at));
    }
  }
  // toml++ sorts by key; people read from top to bottom.
  std::ranges::sort(table.entries, {}, &Entry::at);
  std::ranges::sort(table.tables, {}, &Table::at);
  return table;
}

/// The parser recurses once for each part of a dotted key.
constexpr std::size_t max_dots = 128;

/// The line of a key with too many parts. Dots in strings and comments do not count.
std::optional<std::uint32_t> line_of_deep_key(std::string_view text) {
  std::uint32_t line = 1;
  std::size_t dots = 0;
  char quote = '\0';
  bool is_comment = false;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
      quote = '\0';
      is_comment = false;
    } else if (is_comment) {
      continue;
    } else if (quote != '\0') {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      is_comment = true;
    } else if (c == '.' && ++dots > max_dots) {
      return line;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string Problem::to_string() const {
  return fmt::format("{}:{}:{}: {}", file, at.line, at.column, what);
}

const Entry* Table::find_entry(std::string_view name) const {
  const auto found = std::ranges::find(entries, name, &Entry::key);
  return found == entries.end() ? nullptr : &*found;
}

const Table* Table::find_table(std::string_view name) const {
  const auto found = std::ranges::find(tables, name, &Table::key);
  return found == tables.end() ? nullptr : &*found;
}

bool same_values(const Table& a, const Table& b) {
  const auto has_entry = [&b](const Entry& entry) {
    const Entry* const other = b.find_entry(entry.key);
    return other != nullptr && other->value == entry.value;
  };
  const auto has_table = [&b](const Table& table) {
    const Table* const other = b.find_table(table.key);
    return other != nullptr && same_values(table, *other);
  };
  return a.entries.size() == b.entries.size() && a.tables.size() == b.tables.size() &&
         std::ranges::all_of(a.entries, has_entry) && std::ranges::all_of(a.tables, has_table);
}

tl::expected<Table, Problem> parse_toml(std::string_view text, std::string file) {
  if (const auto line = line_of_deep_key(text)) {
    return tl::unexpected(
        Problem{std::move(file),
                {*line, 1},
                fmt::format("cannot read TOML: a key has at most {} dots", max_dots)});
  }
  try {
    return to_table(toml::parse(text), {}, {});
  } catch (const toml::parse_error& error) {
    return tl::unexpected(Problem{std::move(file), position_of(error.source()),
                                  fmt::format("cannot read TOML: {}", error.description())});
  } catch (const std::exception& error) {
    return tl::unexpected(
        Problem{std::move(file), {}, fmt::format("cannot read TOML: {}", error.what())});
  }
}

}  // namespace weft::config
