/// Greetings by language.

#include "greeting.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace example {
namespace {

struct Phrase {
  std::string_view language;  // ISO 639
  std::string_view word;
};

constexpr std::array<Phrase, 3> phrases{{{"de", "Guten Tag"}, {"en", "Hello"}, {"fr", "Bonjour"}}};

}  // namespace

weft::Result<std::string> greeting(std::string_view language, std::string_view name) {
  if (name.empty()) {
    return weft::fail(weft::Errc::invalid, "greet somebody without a name: give one");
  }
  const auto* const phrase = std::ranges::find(phrases, language, &Phrase::language);
  if (phrase == phrases.end()) {
    return weft::fail(
        weft::Errc::not_found,
        fmt::format("greet in '{}': the languages spoken here are de, en and fr", language));
  }
  return fmt::format("{}, {}", phrase->word, name);
}

}  // namespace example
