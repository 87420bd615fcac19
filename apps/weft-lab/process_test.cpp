/// Running programs: output, input, exit codes, deadlines, absence.

#include <gtest/gtest.h>

#include <csignal>

#include "process.hpp"

namespace weft::lab {
namespace {

using namespace std::chrono_literals;

TEST(Process, GivesBackWhatAProgramPrintedAndHowItEnded) {
  const auto outcome =
      run({{"sh", "-c", "cat; echo oops >&2; echo $X; exit 3"}, "in", {{"X", "y"}}},
          /*verbose=*/false);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->out, "iny\n");
  EXPECT_EQ(outcome->err, "oops\n");
  EXPECT_EQ(outcome->exit_code, 3);
}

TEST(Process, CarriesMoreOutputThanAPipeHolds) {
  const auto text = run_ok({{"head", "-c", "300000", "/dev/zero"}, {}, {}}, false);

  EXPECT_EQ(text->size(), 300000U);
}

TEST(Process, SaysWhatAFailedProgramComplainedAbout) {
  const auto text = run_ok({{"sh", "-c", "echo no such bridge >&2; exit 2"}, {}, {}}, false);

  EXPECT_NE(text.error().context.find("no such bridge"), std::string::npos);
}

TEST(Process, NamesAProgramThatDoesNotExist) {
  EXPECT_EQ(run({{"weft-no-such-program"}, {}, {}}, false).error().code,
            std::errc::no_such_file_or_directory);
}

TEST(Process, EndsAProgramThatTakesTooLong) {
  EXPECT_EQ(run({{"sleep", "60"}, {}, {}, 20ms}, false).error().code,
            make_error_code(Errc::timeout));
}

TEST(Process, IsInterruptedByASignalOfOurs) {
  auto started = Process::start({{"sleep", "60"}, {}, {}});
  ASSERT_TRUE(started);
  started->signal(SIGINT);

  EXPECT_EQ(started->wait(5s)->exit_code, 128 + SIGINT);
}

}  // namespace
}  // namespace weft::lab
