/// weftd as a process: exit codes, messages, signals and the service manager's socket.

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace {

const std::string weftd = WEFT_BINARY_DIR "/bin/weftd";
const std::string zoo = WEFT_BINARY_DIR "/zoo";
constexpr int patience_ms = 20'000;

/// A directory with a configuration, and a weftd that uses it.
class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() {
    std::string pattern = ::testing::TempDir() + "weft-daemon-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    notify_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory_ + "/notify").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(notify_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~DaemonTest() override {
    for (const pid_t running : running_) {  // of a test that failed
      kill(running, SIGKILL);
      waitpid(running, nullptr, 0);
    }
    close(notify_);
    std::filesystem::remove_all(directory_);
  }

  void configure(const std::string& plugins, const std::string& more = "") {
    std::ofstream(directory_ + "/weft.toml") << fmt::format(
        "[host]\nplugins = [{}]\nplugin-path = [\"{}\"]\nname = \"::1\"\n"
        "state-directory = \"{}/state\"\nrun-directory = \"{}/run\"\n{}",
        plugins, zoo, directory_, directory_, more);
  }

  void launch(const std::string& option = "") {
    const std::string config = directory_ + "/weft.toml";
    const std::string output = directory_ + "/output";
    child_ = fork();
    if (child_ == 0) {
      if (descriptors_ != 0) {
        const rlimit limit{descriptors_, descriptors_};
        setrlimit(RLIMIT_NOFILE, &limit);
      }
      setenv("NOTIFY_SOCKET", (directory_ + "/notify").c_str(), 1);
      const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(fd, STDERR_FILENO);
      execl(weftd.c_str(), "weftd", "--config", config.c_str(),
            option.empty() ? nullptr : option.c_str(), nullptr);
      _exit(127);
    }
    running_.insert(child_);
  }

  /// What weftd told the service manager next; "" when it told nothing.
  std::string next_notification() {
    pollfd ready{notify_, POLLIN, 0};
    std::array<char, 256> text{};
    if (poll(&ready, 1, patience_ms) != 1) {
      return {};
    }
    const ssize_t got = recv(notify_, text.data(), text.size(), 0);
    return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : "";
  }

  int exit_code() {
    int status = 0;
    waitpid(child_, &status, 0);
    running_.erase(child_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string output() const {
    std::stringstream text;
    text << std::ifstream(directory_ + "/output").rdbuf();
    return text.str();
  }

  std::string directory_;
  int notify_ = -1;
  pid_t child_ = -1;  // the one that was launched last
  std::set<pid_t> running_;
  rlim_t descriptors_ = 0;  // that weftd may use; 0: as this test
};

TEST_F(DaemonTest, SaysWhenItIsReadyAndEndsCleanlyOnATerminateSignal) {
  configure("\"quiet\"");

  launch();
  ASSERT_EQ(next_notification(), "READY=1") << output();
  kill(child_, SIGTERM);

  EXPECT_EQ(next_notification(), "STOPPING=1");
  EXPECT_EQ(exit_code(), 0);
  EXPECT_NE(output().find("node stopped clean=true"), std::string::npos) << output();
}

TEST_F(DaemonTest, IsNotReadyBeforeAPluginThatFailedHasStarted) {
  configure("\"castor\", \"twin-holder\"",
            fmt::format("[plugin.castor]\nneeds = \"{}/food\"\n", directory_));

  launch();
  const std::string status = next_notification();
  ASSERT_EQ(status.substr(0, 24), "STATUS=degraded: castor:") << output();
  std::ofstream(directory_ + "/food") << "fish";

  EXPECT_EQ(next_notification(), "READY=1");
  EXPECT_EQ(next_notification(), "STATUS=ready");
  kill(child_, SIGTERM);
  EXPECT_EQ(next_notification(), "STOPPING=1");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, ASecondSignalEndsItAtOnce) {
  configure("\"hangs-in-stop\"");

  launch();
  ASSERT_EQ(next_notification(), "READY=1") << output();
  kill(child_, SIGTERM);
  ASSERT_EQ(next_notification(), "STOPPING=1");
  kill(child_, SIGTERM);

  EXPECT_EQ(exit_code(), 1);
  EXPECT_EQ(output().find("plugin abandoned"), std::string::npos) << output();
}

TEST_F(DaemonTest, EndsWithOneClearLineWhenACriticalPluginDoesNotStart) {
  configure("\"critical-start\"");

  launch();

  EXPECT_EQ(exit_code(), 1);
  EXPECT_NE(output().find("weftd: cannot start plugin 'critical-start': cannot wake up: denied\n"),
            std::string::npos)
      << output();
}

TEST_F(DaemonTest, SaysThatItHasTooFewFileDescriptorsInsteadOfFallingSilent) {
  configure("\"quiet\"");
  descriptors_ = 64;
  launch();

  EXPECT_EQ(exit_code(), 1);
  EXPECT_NE(output().find("weftd: cannot run with 64 file descriptors"), std::string::npos)
      << output();
  EXPECT_NE(output().find("LimitNOFILE="), std::string::npos) << output();
}

#if !defined(__SANITIZE_THREAD__)  // which dies of an exception that crosses dlopen
TEST_F(DaemonTest, EndsWithOneClearLineWhenAStaticConstructorThrows) {
  configure("\"quiet\", \"throws-when-loaded\"");

  launch();

  EXPECT_EQ(exit_code(), 1);
  EXPECT_EQ(output(), "cannot load plugin '" + zoo +
                          "/throws-when-loaded.so': a static constructor threw: no morning\n");
}
#endif

TEST_F(DaemonTest, RefusesTheStateDirectoryOfAnotherThatRuns) {
  configure("\"quiet\"");
  launch();
  ASSERT_EQ(next_notification(), "READY=1") << output();
  const pid_t first = child_;
  configure("\"quiet\"", fmt::format("control-socket = \"{}/second.sock\"\n", directory_));

  launch();

  EXPECT_EQ(exit_code(), 1);
  EXPECT_EQ(
      output().find(fmt::format("weftd: cannot use the state directory '{}/state': process {} "
                                "(weftd) holds it",
                                directory_, first)),
      0U)
      << output();

  launch("--check");
  EXPECT_EQ(exit_code(), 0) << output();
  kill(first, SIGKILL);
  launch();
  EXPECT_EQ(next_notification(), "READY=1") << output();
  kill(child_, SIGKILL);
  exit_code();
  child_ = first;
  exit_code();
}

TEST_F(DaemonTest, MissesNothingAfterAFirstStartThatWasRefused) {
  configure("\"quiet\"", "[plugin.quiet]\nx = 1\n");
  launch();
  ASSERT_EQ(exit_code(), 1) << output();
  configure("\"quiet\"");

  launch();

  ASSERT_EQ(next_notification(), "READY=1") << output();
  EXPECT_EQ(output().find("is lost"), std::string::npos) << output();
  kill(child_, SIGTERM);
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, ChecksAConfigurationWithoutTouchingAnything) {
  configure("\"quiet\"", "[plugin.quiet]\nx = 1\n");

  launch("--check");

  EXPECT_EQ(exit_code(), 1);
  EXPECT_EQ(output(), "weftd: " + directory_ + "/weft.toml:8:1: unknown key 'x'\n");
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/state"));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/run"));
}

}  // namespace
