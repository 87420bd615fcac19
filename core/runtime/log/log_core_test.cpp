/// Lines that people and grep can read.

#include "runtime/log/log_core.hpp"

#include <sstream>

#include <gtest/gtest.h>

#include "runtime/loop/trace.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

TEST(LogCore, WritesNameMessageAndFields) {
  std::ostringstream out;
  LogCore core(LogLevel::info, out);

  core.log("gossip").warn("peer unreachable", "peer", PeerName{1}, "after", 1500ms);

  EXPECT_NE(
      out.str().find("warning gossip: peer unreachable peer=00:00:00:00:00:01 after=1.500s\n"),
      std::string::npos)
      << out.str();
}

TEST(LogCore, SaysWhichTraceALineBelongsTo) {
  std::ostringstream out;
  LogCore core(LogLevel::info, out);
  Log& log = core.log("a");

  {
    const TraceScope scope(0x1f);
    log.info("inside", "n", 1);
  }
  log.info("outside");

  EXPECT_NE(out.str().find("inside n=1 trace=1f\n"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("outside\n"), std::string::npos) << out.str();
}

TEST(LogCore, LeavesOutWhatIsBelowTheLevel) {
  std::ostringstream out;
  LogCore core(LogLevel::warn, out);
  Log& log = core.log("a");

  log.info("quiet");
  EXPECT_TRUE(out.str().empty());

  core.set_level(LogLevel::debug);
  log.debug("loud");
  EXPECT_FALSE(out.str().empty());
}

TEST(LogCore, GivesTheSameLogForTheSameName) {
  LogCore core;

  EXPECT_EQ(&core.log("a"), &core.log("a"));
  EXPECT_NE(&core.log("a"), &core.log("b"));
}

TEST(LogCore, QuotesValuesThatAreNotOneWord) {
  EXPECT_EQ(quote_log_value("10.32.0.0/12"), "10.32.0.0/12");
  EXPECT_EQ(quote_log_value("na\xc3\xafve"), "na\xc3\xafve");
  EXPECT_EQ(quote_log_value(""), "\"\"");
  EXPECT_EQ(quote_log_value("two words"), "\"two words\"");
  EXPECT_EQ(quote_log_value("a=\"b\""), "\"a=\\\"b\\\"\"");
  EXPECT_EQ(quote_log_value("forged\nline\x1b"), "\"forged\\nline\\x1b\"");
}

}  // namespace
}  // namespace weft
