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

TEST(Printable, TakesWhatIsNotUtf8) {
  EXPECT_EQ(one_line("\xe2\x80"), "\xe2\x80");
  EXPECT_EQ(one_line(std::string_view("\0\xff", 2)), "\\x00\xff");
}

}  // namespace
}  // namespace weft
