/// Binds tables to schemas, and finds the word that somebody probably meant.

#include "runtime/config/binder.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/core.h>

namespace weft::config {
namespace {

/// Edits (insert, delete, replace, swap neighbours) from `a` to `b`.
/// Source: optimal string alignment distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

/// What an error says in a list of problems, where "invalid" adds nothing.
std::string clause(const Error& error) {
  return error.code == Errc::invalid || error.code == Errc::denied ? "cannot " + error.context
                                                                   : error.message();
}

/// What to write instead of a value that fits no field.
std::string misfit(const ConfigField& field, const Unusable& value) {
  const bool wants_list = field.type.starts_with("list");
  return wants_list && !value.bad_item.empty()
             ? fmt::format("cannot set {}: {}; want strings in quotes", field.name, value.bad_item)
             : fmt::format("cannot set {} to {}: want {}{}", field.name, value.kind,
                           wants_list ? "a " : "one value: ", field.type);
}

}  // namespace

std::string did_you_mean(std::string_view given, const std::vector<std::string>& known) {
  // Longer input is no typing mistake, and must not cost quadratic time.
  if (given.size() > 64) {
    return {};
  }
  const std::string* nearest = nullptr;
  std::size_t nearest_distance = std::max<std::size_t>(2, given.size() / 3) + 1;
  for (const std::string& word : known) {
    const std::size_t distance = edit_distance(given, word);
    if (distance < nearest_distance && distance < word.size()) {
      nearest = &word;
      nearest_distance = distance;
    }
  }
  return nearest == nullptr ? std::string() : fmt::format("; did you mean '{}'?", *nearest);
}

std::vector<Problem> bind_table(const Table& table, const Schema& schema, const std::string& file) {
  std::vector<std::string> known;
  for (const ConfigField& field : schema.fields()) {
    known.push_back(field.name);
  }
  std::vector<Problem> problems;
  const auto unknown = [&](const std::string& key, Position at) {
    problems.push_back(
        {file, at, fmt::format("unknown key '{}'{}", key, did_you_mean(key, known))});
  };

  for (const Entry& entry : table.entries) {
    const auto field = std::ranges::find(schema.fields(), entry.key, &ConfigField::name);
    if (field == schema.fields().end()) {
      unknown(entry.key, entry.at);
    } else if (entry.unusable) {
      problems.push_back({file, entry.unusable->at, misfit(*field, *entry.unusable)});
    } else if (const auto assigned = field->assign(entry.value); !assigned) {
      problems.push_back({file, entry.at, clause(assigned.error())});
    }
  }
  for (const Table& inner : table.tables) {
    const bool is_field = std::ranges::find(known, inner.key) != known.end();
    if (is_field) {
      problems.push_back({file, inner.at, fmt::format("'{}' is a value, not a table", inner.key)});
    } else {
      unknown(inner.key, inner.at);
    }
  }
  std::ranges::sort(problems, {}, &Problem::at);
  return problems;
}

}  // namespace weft::config
