/// Who may use a state directory, while and after another does.

#include "runtime/host/state_lock.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <gtest/gtest.h>

namespace weft::host {
namespace {

class StateLockTest : public ::testing::Test {
 protected:
  StateLockTest() {
    std::string pattern = ::testing::TempDir() + "weft-state-XXXXXX";
    directory_ = std::string(mkdtemp(pattern.data())) + "/state";
  }
  ~StateLockTest() override {
    std::filesystem::remove_all(std::filesystem::path(directory_).parent_path());
  }

  std::string directory_;  ///< not made yet
};

TEST_F(StateLockTest, RefusesASecondAndNamesTheDirectoryAndTheHolder) {
  const auto first = StateLock::take(directory_);
  ASSERT_TRUE(first) << first.error().message();

  const auto second = StateLock::take(directory_);

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  const std::string message = second.error().message();
  EXPECT_NE(message.find("'" + directory_ + "'"), std::string::npos) << message;
  EXPECT_NE(message.find("process " + std::to_string(getpid()) + " (core_host_test)"),
            std::string::npos)
      << message;
}

TEST_F(StateLockTest, IsFreeAgainWhenTheHolderIsGone) {
  {
    const auto first = StateLock::take(directory_);
    ASSERT_TRUE(first);
  }

  EXPECT_TRUE(StateLock::take(directory_));
}

TEST_F(StateLockTest, IsFreeAgainAtOnceWhenTheHolderIsKilled) {
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const auto held = StateLock::take(directory_);
    if (write(ready[1], "x", 1) == 1) {
      pause();
    }
    _exit(1);
  }
  char token = 0;
  ASSERT_EQ(read(ready[0], &token, 1), 1);
  close(ready[0]);
  close(ready[1]);
  kill(holder, SIGKILL);

  EXPECT_TRUE(StateLock::take(directory_));

  waitpid(holder, nullptr, 0);
}

TEST_F(StateLockTest, HoldsTheDirectoryThatWasMadeAgain) {
  auto first = StateLock::take(directory_);
  ASSERT_TRUE(first);
  std::filesystem::remove_all(directory_);
  first->keep();  // nothing there yet
  std::filesystem::create_directory(directory_);

  first->keep();

  EXPECT_EQ(StateLock::take(directory_).error().code, Errc::conflict);
}

TEST_F(StateLockTest, SaysThatTheDirectoryCannotBeMade) {
  const auto refused = StateLock::take("/dev/null/x");

  EXPECT_EQ(refused.error().message(),
            "cannot make directory '/dev/null/x' (host.state-directory): Not a directory");
}

}  // namespace
}  // namespace weft::host
