/// Programs that end well, badly and not at all.

#include "run.hpp"

#include <gtest/gtest.h>

namespace weft::process {
namespace {

TEST(Run, GivesInputAndTakesOutput) {
  const auto finished = run({"sh", "-c", "cat; echo oops >&2; exit 3"}, "some text\n");

  ASSERT_TRUE(finished) << finished.error().message();
  EXPECT_EQ(finished->status, 3);
  EXPECT_EQ(finished->output, "some text\n");
  EXPECT_EQ(finished->errors, "oops\n");
}

TEST(Run, TakesMoreThanAPipeHolds) {
  const std::string much(3'000'000, 'x');

  EXPECT_EQ(run({"cat"}, much)->output, much);
}

TEST(Run, SaysThatThereIsNoSuchProgram) {
  EXPECT_EQ(run({"no-program-of-this-name"}).error().code, std::errc::no_such_file_or_directory);
}

TEST(Run, SaysWhichSignalEndedIt) {
  EXPECT_EQ(run({"sh", "-c", "kill -TERM $$"})->status, 128 + 15);
}

TEST(Run, EndsWhatTakesTooLong) {
  const auto finished = run({"sleep", "1000"}, {}, std::chrono::milliseconds{50});

  EXPECT_EQ(finished.error().code, Errc::timeout);
}

}  // namespace
}  // namespace weft::process
