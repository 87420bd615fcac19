/// weft-plugin-check over the zoo: each animal fails the check that it breaks, for that reason.

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace {

struct Report {
  int code = -1;
  std::string output;
};

Report check(const std::string& arguments) {
  Report report;
  std::FILE* const pipe =
      popen((WEFT_BINARY_DIR "/bin/weft-plugin-check " + arguments + " 2>&1").c_str(), "re");
  std::array<char, 4096> chunk{};
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
    report.output.append(chunk.data(), got);
  }
  const int status = pclose(pipe);
  report.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return report;
}

struct Case {
  const char* animal;
  const char* check;
  const char* reason;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.animal;
}

class ZooCheck : public ::testing::TestWithParam<Case> {};

TEST_P(ZooCheck, SaysFailForTheRightReason) {
  const Case& one = GetParam();

  const Report report = check(std::string(WEFT_BINARY_DIR "/zoo/") + one.animal +
                              ".so --cycles 8 --only " + one.check);

  EXPECT_EQ(report.code, 1);
  const std::string line = std::string("FAIL ") + one.check + ": ";
  const std::size_t at = report.output.find(line);
  ASSERT_NE(at, std::string::npos) << report.output;
  const std::string reason = report.output.substr(at, report.output.find('\n', at) - at);
  EXPECT_NE(reason.find(one.reason), std::string::npos) << report.output;
  EXPECT_NE(report.output.find("remedy: ", at), std::string::npos) << report.output;
}

INSTANTIATE_TEST_SUITE_P(
    File, ZooCheck,
    ::testing::Values(Case{"garbage", "file.manifest", "it does not begin with the format"},
                      Case{"wrong-sdk", "file.stamp", "rebuild it against weft-sdk"},
                      Case{"wrong-stamp", "file.stamp", "\"gcc3;cxx11abi=0\""},
                      Case{"no-symbol", "file.exports", "does not export 'weft_plugin'"},
                      Case{"keeps-state", "file.exports", "weft::zoo::count_starts()"},
                      Case{"keeps-state", "file.writable-state", "weft::zoo::starts"}));

INSTANTIATE_TEST_SUITE_P(
    Load, ZooCheck,
    ::testing::Values(
        Case{"lying-entry", "load.constructors", "\"gcc3;cxx11abi=0\""},
#if !defined(__SANITIZE_THREAD__)  // which dies of an exception that crosses dlopen
        Case{"throws-when-loaded", "load.constructors", "no morning"},
#endif
        Case{"opens-when-loaded", "load.constructors", "changes the open descriptors"},
        Case{"runs-when-loaded", "load.constructors", "loading it starts"},
        Case{"throws-in-constructor", "load.schema", "no legs"},
        Case{"throws-in-describe", "load.schema", "no words"},
        Case{"refuses-its-configuration", "load.schema", "use 'food': it needs some"}));

INSTANTIATE_TEST_SUITE_P(
    Life, ZooCheck,
    ::testing::Values(Case{"throws-in-start", "life.start-stop", "no breath"},
                      Case{"refuses-to-start", "life.start-stop", "wake up: denied"},
                      Case{"throws-in-handler", "life.start-stop", "tripped"},
                      Case{"hangs-in-start", "life.start-stop", "did not start within 10 s"},
                      Case{"hangs-in-stop", "life.start-stop", "did not stop within 5 s"},
                      Case{"hangs-in-handler", "life.start-stop", "did not stop within 5 s"},
                      Case{"leaves-timer", "life.start-stop", "work that waits on its loop"},
                      Case{"leaves-watch", "life.start-stop", "work that waits on its loop"},
                      Case{"holds-subscription", "life.start-stop",
                           "a subscription to weft.mesh.peer-up/1"},
                      Case{"holds-command", "life.start-stop", "the control command 'zoo.roar'"},
                      Case{"leaks-thread", "life.threads", "leaves 1 threads"},
                      Case{"leaks-thread", "life.cycles", "4 lives leave 4 threads"},
                      Case{"leaks-descriptor", "life.cycles", "4 lives leave 4 descriptors open"}
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
                      ,
                      Case{"leaks-memory", "life.cycles", "bytes each; 512 are allowed"}
#endif
                      ));

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
INSTANTIATE_TEST_SUITE_P(
    Lanes, ZooCheck,
    ::testing::Values(Case{"allocates-on-lane", "lanes.rules", "weft::zoo::Misbehaving::poll"},
                      Case{"locks-on-lane", "lanes.rules", "pthread_mutex_lock in"},
                      Case{"blocks-on-lane", "lanes.rules", "usleep in"},
                      Case{"logs-on-lane", "lanes.rules", "weft::zoo::Misbehaving::poll"},
                      Case{"raises-on-lane", "lanes.rules", "weft::zoo::Misbehaving::poll"}));
#endif

INSTANTIATE_TEST_SUITE_P(
    Kind, ZooCheck,
    ::testing::Values(
        Case{"lying-nat", "kind.nat", "after masquerade the world sees 10.32.0.2 from the pod"},
        Case{"lying-ipam", "kind.ipam", "it gives 10.32.0.1/12 twice"},
        Case{"lying-overlay", "kind.overlay", "does not carry a frame of 100 bytes"}));

TEST(PluginCheck, ExpectsAnHonestNatThatLeavesAddressesAlone) {
  const Report report = check(WEFT_BINARY_DIR "/zoo/lying-nat.so --only kind.nat --no-masquerade");

  EXPECT_EQ(report.code, 0) << report.output;
}

TEST(PluginCheck, SkipsWithTheReasonWhenAProviderIsMissing) {
  const Report report = check(WEFT_BINARY_DIR "/zoo/orphan.so --only life.start-stop");

  EXPECT_EQ(report.code, 0) << report.output;
  EXPECT_NE(report.output.find("skip life.start-stop: it requires zoo.absent/1"), std::string::npos)
      << report.output;
}

TEST(PluginCheck, LeavesTheRestAloneWhenTheFileIsRefused) {
  const Report report = check(WEFT_BINARY_DIR "/zoo/wrong-stamp.so");

  EXPECT_EQ(report.code, 1);
  EXPECT_NE(report.output.find("skip life.cycles: made only after file.stamp is ok"),
            std::string::npos)
      << report.output;
}

TEST(PluginCheck, AnswersInJson) {
  const Report report = check(WEFT_BINARY_DIR "/zoo/quiet.so --only file.stamp --json");

  EXPECT_EQ(report.code, 0) << report.output;
  EXPECT_NE(report.output.find("\"passed\": true"), std::string::npos) << report.output;
  EXPECT_NE(report.output.find("\"check\": \"file.stamp\""), std::string::npos) << report.output;
}

TEST(PluginCheck, AnswersWithCode2WhenItIsNotUnderstood) {
  EXPECT_EQ(check("").code, 2);
  EXPECT_EQ(check(WEFT_BINARY_DIR "/zoo/quiet.so --only nothing").code, 2);
}

}  // namespace
