#pragma once
/// Sets, and maps to verdicts: what many rules would say, in one lookup.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/nft/field.hpp>

namespace weft::nft {

enum class Verdict : std::uint8_t { accept, drop, return_ };

/// `jump chain`: goes on with the next rule when that chain has no verdict.
struct Jump {
  std::string chain;
  bool operator==(const Jump&) const = default;
};

/// `goto chain`: the end of that chain is the end of this one.
struct Goto {
  std::string chain;
  bool operator==(const Goto&) const = default;
};

/// How a rule ends.
using Decision = std::variant<Verdict, Jump, Goto>;

/// One key, or all keys of a range.
struct Element {
  Bytes first;  ///< as key_of makes it
  /// Of a range, included. In a concatenation each field has a range of its own. Empty: `first`
  /// alone.
  Bytes last = {};
  std::optional<Decision> decision = {};  ///< in a map, always

  bool operator==(const Element&) const = default;
};

/// The addresses of `network`, as one field.
[[nodiscard]] Element range_of(const net::Cidr& network);

/// Puts elements into the order of their keys, and makes a range of one key that key.
void normalize(std::vector<Element>& elements);

/// A set of keys, `type ipv4_addr . inet_service; flags interval`, or a map from keys to verdicts.
struct Set {
  std::string name;
  std::vector<Field> fields;           ///< of a key; more than one are a concatenation
  std::vector<Element> elements = {};  ///< no two have a key in common
  bool has_ranges = false;             ///< elements may have a `last`
  bool is_map = false;                 ///< elements have a decision
  /// Rules fill it (AddToSet) instead: how many elements at most, and how long each stays.
  std::uint32_t filled_size = 0;
  std::chrono::milliseconds filled_time{0};
  bool operator==(const Set&) const = default;
};

/// What turns the elements of one set into those of another.
struct Difference {
  std::vector<Element> added;
  std::vector<Element> removed;

  [[nodiscard]] bool is_empty() const noexcept { return added.empty() && removed.empty(); }
  bool operator==(const Difference&) const = default;
};

/// Both sides normalized. An element whose decision changed is in both lists.
[[nodiscard]] Difference difference(std::span<const Element> from, std::span<const Element> to);

}  // namespace weft::nft
