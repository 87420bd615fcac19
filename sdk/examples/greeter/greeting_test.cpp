/// Greetings, without a host.

#include "greeting.hpp"

#include <gtest/gtest.h>

namespace example {
namespace {

TEST(Greeting, IsInTheLanguageAskedFor) {
  EXPECT_EQ(greeting("en", "Ada"), "Hello, Ada");
  EXPECT_EQ(greeting("fr", "Ada"), "Bonjour, Ada");
}

TEST(Greeting, NamesTheLanguagesItHasWhenItHasNotThatOne) {
  const auto refused = greeting("xx", "Ada");

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, weft::Errc::not_found);
  EXPECT_NE(refused.error().context.find("de, en and fr"), std::string::npos);
}

TEST(Greeting, NeedsAName) {
  ASSERT_FALSE(greeting("en", ""));
  EXPECT_EQ(greeting("en", "").error().code, weft::Errc::invalid);
}

}  // namespace
}  // namespace example
