/// What others chose, shown on one line.

#include "runtime/base/printable.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(Printable, LeavesTextAlone) {
  for (const char* const text :
       {"", "node1", "10.32.0.0/12", "two words", "na\u00efve \u4e2d\u6587"}) {
    EXPECT_EQ(one_line(text), text);
  }
}

TEST(Printable, KeepsALineOneLine) {
  EXPECT_EQ(one_line("a\nb\tc\r"), "a\\nb\\tc\\x0d");
  EXPECT_EQ(one_line("a\u2028b"), "a\\xe2\\x80\\xa8b");
}

TEST(Printable, DrivesNoTerminal) {
  EXPECT_EQ(one_line("\x1b[2Jx\x7f"), "\\x1b[2Jx\\x7f");
  EXPECT_EQ(one_line("\u009b2J"), "\\xc2\\x9b2J");
  EXPECT_EQ(one_line("\u202eevil\u2069"), "\\xe2\\x80\\xaeevil\\xe2\\x81\\xa9");
}

TEST(Printable, ShowsWhatIsNotUtf8ByItsBytes) {
  EXPECT_EQ(one_line("\xe2\x80"), "\\xe2\\x80");
  EXPECT_EQ(one_line(std::string_view("\0\xff", 2)), "\\x00\\xff");
  EXPECT_EQ(one_line("\xc0\xaf"), "\\xc0\\xaf");                        // overlong
  EXPECT_EQ(one_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");               // a surrogate
  EXPECT_EQ(one_line("a\xf4\x90\x80\x80z"), "a\\xf4\\x90\\x80\\x80z");  // beyond Unicode
  EXPECT_EQ(one_line("\U0001F600"), "\U0001F600");
}

TEST(Printable, JsonStaysJson) {
  EXPECT_EQ(printable_json("{\n \"a\": \"x\u202ey\u0085\x7f\u2028\"}\n"),
            "{\n \"a\": \"x\\u202ey\\u0085\\u007f\\u2028\"}\n");
  EXPECT_EQ(printable_json("\"na\u00efve \U0001F600\""), "\"na\u00efve \U0001F600\"");
}

}  // namespace
}  // namespace weft
