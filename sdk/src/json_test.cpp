/// JSON that any reader accepts, whatever the text.

#include <weft/json.hpp>

#include <vector>

#include <gtest/gtest.h>
#include <weft/net/ip.hpp>

namespace weft {
namespace {

TEST(Json, EscapesWhatWouldEndAStringAndReplacesWhatIsNoText) {
  EXPECT_EQ(json_string("a \"b\"\n\\ ü"), R"("a \"b\"\n\\ ü")");
  EXPECT_EQ(json_string("\xff"), "\"\xEF\xBF\xBD\"");
}

TEST(Json, WritesObjectsAndLists) {
  const std::vector addresses{*net::parse_ip("10.32.0.1"), *net::parse_ip("fd00::1")};

  EXPECT_EQ(JsonObject().take(), "{}");
  EXPECT_EQ(JsonObject()
                .text("name", "a")
                .number("port", std::uint16_t{6783})
                .boolean("up", true)
                .json("addresses", json_texts(addresses))
                .take(),
            R"({"name":"a","port":6783,"up":true,"addresses":["10.32.0.1","fd00::1"]})");
}

}  // namespace
}  // namespace weft
