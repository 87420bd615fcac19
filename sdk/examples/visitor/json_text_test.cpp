/// Text that a careless program would break its JSON with.

#include "json_text.hpp"

#include <gtest/gtest.h>

namespace example {
namespace {

TEST(JsonText, IsQuoted) {
  EXPECT_EQ(json_text("Hello, Ada"), "\"Hello, Ada\"");
}

TEST(JsonText, EscapesQuotesBackslashesAndControlCharacters) {
  EXPECT_EQ(json_text("a\"b\\c\n"), R"("a\"b\\c\u000a")");
}

}  // namespace
}  // namespace example
