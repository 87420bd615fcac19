/// What the kernel tells of pods' interfaces, with pods in namespaces of their own.

#include "host_ports.hpp"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "common/attachment/lock.hpp"
#include "shell.hpp"

namespace weft::cni {
namespace {

using testing::run;

class HostPortsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    if (run("ip netns add " + pod_ +
            " && ip link add weave type bridge && ip addr add 10.32.0.1/12 dev weave && "
            "ip link add vethweplpod master weave type veth peer name eth0 netns " +
            pod_ + " && ip link set vethweplpod alias weft:c0ffee/eth0 && ip -n " + pod_ +
            " addr add 10.32.0.10/12 dev eth0 && ip -n " + pod_ +
            " addr add fd00::10/64 dev eth0") != "") {
      GTEST_SKIP() << "cannot set up namespaces with ip(8)";
    }
  }
  void TearDown() override { run("ip netns del " + pod_); }

  static net::IpAddress ip(std::string_view text) { return net::parse_ip(text).value(); }

  const std::string pod_ = "weft-host-ports-" + std::to_string(::getpid());
  KernelProbe probe_{"/nonexistent"};
};

TEST_F(HostPortsTest, FindsNamesAliasesAndAddressesBehindPorts) {
  const auto ports = probe_.look();
  ASSERT_TRUE(ports) << ports.error().message();
  EXPECT_TRUE(ports->names.contains("vethweplpod"));
  EXPECT_TRUE(ports->names.contains("weave"));
  EXPECT_TRUE(ports->aliases.contains(port_alias({"c0ffee", "eth0"})));

  const auto used = probe_.addresses();
  ASSERT_TRUE(used) << used.error().message();
  EXPECT_TRUE(used->contains(ip("10.32.0.1")));
  EXPECT_TRUE(used->contains(ip("10.32.0.10")));
  EXPECT_TRUE(used->contains(ip("fd00::10")));
}

TEST_F(HostPortsTest, FindsNothingOfAPodThatIsGone) {
  ASSERT_EQ(run("ip link del vethweplpod"), "");

  EXPECT_FALSE(probe_.look().value().names.contains("vethweplpod"));
  EXPECT_TRUE(probe_.look().value().aliases.empty());
  EXPECT_FALSE(probe_.addresses().value().contains(ip("10.32.0.10")));
}

TEST(KernelProbe, KnowsWhetherWeftCniWorksAtAnAttachment) {
  std::string pattern = (std::filesystem::temp_directory_path() / "weft-lock-XXXXXX").string();
  const std::string directory = ::mkdtemp(pattern.data());
  KernelProbe probe{directory};
  EXPECT_EQ(probe.is_busy({"c0ffee", "eth0"}), std::nullopt) << "nobody made the file yet";
  {
    const auto lock = AttachmentLock::take(directory, {"c0ffee", "eth0"});
    ASSERT_TRUE(lock);
    EXPECT_EQ(probe.is_busy({"c0ffee", "eth0"}), true);
    EXPECT_EQ(probe.is_busy({"c0ffee", "net1"}), false);
  }
  EXPECT_EQ(probe.is_busy({"c0ffee", "eth0"}), false);
  std::filesystem::remove_all(directory);
}

TEST(KernelProbe, KnowsTheBoot) {
  EXPECT_EQ(boot_id().size(), 36u);
  EXPECT_EQ(boot_id(), boot_id());
}

}  // namespace
}  // namespace weft::cni
