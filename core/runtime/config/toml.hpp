#pragma once
/// A TOML document as tables of our own values, each with the place it was written at.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/config.hpp>

namespace weft::config {

/// Both count from 1, in characters.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  auto operator<=>(const Position&) const = default;
};

/// Something wrong in a configuration, and where: "weft.toml:12:3: cannot ...".
struct Problem {
  std::string file;
  Position at;
  std::string what;  ///< a whole clause

  [[nodiscard]] WEFT_EXPORT std::string to_string() const;
};

/// Why a value fits no field, which its own field says better than the reader of TOML can.
struct Unusable {
  Position at;
  std::string kind;      ///< "a list", "a date or a time"
  std::string bad_item;  ///< of a list: "item 2 of the list is an integer"
};

struct Entry {
  std::string key;
  Position at;
  ConfigValue value;
  std::optional<Unusable> unusable;  ///< then `value` means nothing
};

/// A table: plain values and sub-tables, each in the order written.
struct Table {
  std::string key;
  Position at;
  std::vector<Entry> entries;
  std::vector<Table> tables;

  [[nodiscard]] WEFT_EXPORT const Entry* find_entry(std::string_view name) const;
  [[nodiscard]] WEFT_EXPORT const Table* find_table(std::string_view name) const;
};

/// Whether both say the same, wherever in the file and in whatever order.
[[nodiscard]] WEFT_EXPORT bool same_values(const Table& a, const Table& b);

/// Reads a whole document. A pure function of hostile input: never throws. `file` is only a name
/// for messages. The first problem, when there is one, is the only one: TOML errors do not recover.
[[nodiscard]] WEFT_EXPORT tl::expected<Table, Problem> parse_toml(std::string_view text,
                                                                  std::string file);

}  // namespace weft::config
