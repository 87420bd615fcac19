/// Limits of processor time, from files as kernels and container runtimes write them.

#include "runtime/host/processors.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace weft::host {
namespace {

class ProcessorsTest : public ::testing::Test {
 protected:
  ProcessorsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-cgroup-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~ProcessorsTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path whole(root_ + path);
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }

  std::string root_;
};

TEST(Processors, ReadsCpuMax) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  for (const char* none :
       {"max 100000\n", "", "100000", "0 100000", "100000 0", "-1 100000", "x y"}) {
    EXPECT_EQ(parse_cpu_max(none), std::nullopt) << none;
  }
}

TEST(Processors, RoundsUpAndNeverBelowOne) {
  EXPECT_EQ(usable_processors(8, std::nullopt), 8u);
  EXPECT_EQ(usable_processors(8, 1.5), 2u);
  EXPECT_EQ(usable_processors(8, 0.1), 1u);
  EXPECT_EQ(usable_processors(2, 16), 2u);
  EXPECT_EQ(usable_processors(0, std::nullopt), 1u);
}

TEST_F(ProcessorsTest, TakesTheLeastOfItsGroupsOfVersion2) {
  write("/proc/self/mountinfo",
        "25 30 0:23 / /proc rw - proc proc rw\n"
        "33 24 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  write("/proc/self/cgroup", "0::/system.slice/weft.service\n");
  write("/sys/fs/cgroup/system.slice/weft.service/cpu.max", "400000 100000\n");
  write("/sys/fs/cgroup/system.slice/cpu.max", "300000 100000\n");

  EXPECT_EQ(cgroup_processors(root_), 3.0);
}

TEST_F(ProcessorsTest, ReadsVersion1WhereThatHasTheController) {
  write("/proc/self/mountinfo",
        "33 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "34 24 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n"
        "35 24 0:30 / /sys/fs/cgroup/cpuset rw shared:11 - cgroup cgroup rw,cpuset\n");
  write("/proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n3:cpuset:/x\n0::/docker/abc\n");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "50000\n");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");

  EXPECT_EQ(cgroup_processors(root_), 0.5);
}

TEST_F(ProcessorsTest, FindsItsGroupAtTheRootOfAContainersMount) {
  write("/proc/self/mountinfo",
        "34 24 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
  write("/proc/self/cgroup", "4:cpu:/docker/abc\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");

  EXPECT_EQ(cgroup_processors(root_), 2.0);
}

TEST_F(ProcessorsTest, HasNoLimitWithoutControlGroups) {
  EXPECT_EQ(cgroup_processors(root_), std::nullopt);
  write("/proc/self/mountinfo", "garbage\n\n- - - - - - -\n");
  write("/proc/self/cgroup", "garbage\n");
  EXPECT_EQ(cgroup_processors(root_), std::nullopt);
}

}  // namespace
}  // namespace weft::host
