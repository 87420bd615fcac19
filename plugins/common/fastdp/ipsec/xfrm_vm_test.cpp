/// The kernel's IPsec, in network namespaces of their own; what it holds is read with ip(8).

#include "xfrm.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include <gtest/gtest.h>

#include "testing/network.hpp"

namespace weft::ipsec {
namespace {

using testing::address;
using testing::run;

const Direction there{address("10.99.0.1"), address("10.99.0.2")};
const Direction back{there.destination, there.source};

SaKey key() {
  SaKey key;
  key.octets.fill(std::byte{0x5a});
  return key;
}

class XfrmTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::unshare(CLONE_NEWNET), 0); }
};

/// The error of opening while the kernel may not load modules.
std::string refusal() {
  std::ofstream("/proc/sys/kernel/modprobe") << "/bin/false" << std::flush;
  const auto xfrm = Xfrm::open();
  std::ofstream("/proc/sys/kernel/modprobe") << "/sbin/modprobe" << std::flush;
  if (xfrm) {
    return "opened";
  }
  EXPECT_EQ(xfrm.error().code, Errc::unsupported);
  return xfrm.error().message();
}

// First: later tests load what is missing here.
TEST_F(XfrmTest, SaysWhichModulesTheKernelLacks) {
  ASSERT_EQ(run("grep -E '^(esp4|xfrm_user|gcm) ' /proc/modules"), "");
  const std::string remedy = "modprobe -aq xfrm_user esp4 gcm ctr ghash_generic seqiv drbg";
  const std::string no_esp = "(the kernel lacks IPsec with ESP: " + remedy + ")";
  const std::string no_cipher = "(the kernel lacks rfc4106(gcm(aes)): " + remedy + ")";

  std::string refused = refusal();
  EXPECT_NE(refused.find(no_esp), std::string::npos) << refused;

  ASSERT_EQ(run("modprobe xfrm_user"), "");
  refused = refusal();  // older kernels look for the cipher first
  EXPECT_TRUE(refused.find(no_cipher) != std::string::npos ||
              refused.find(no_esp) != std::string::npos)
      << refused;

  ASSERT_EQ(run("modprobe -aq gcm ctr ghash_generic seqiv drbg"), "");
  refused = refusal();
  EXPECT_NE(refused.find(no_esp), std::string::npos) << refused;

  ASSERT_EQ(run(remedy), "");
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(XfrmTest, LeavesNothingBehindWhenOpened) {
  Xfrm xfrm = Xfrm::open().value();
  EXPECT_EQ(run("ip xfrm state list; ip xfrm policy list"), "");
}

TEST_F(XfrmTest, MakesTheAssociationsOfTheOriginal) {
  Xfrm xfrm = Xfrm::open().value();

  const Association inbound{back, xfrm.allocate_spi(back).value()};
  ASSERT_TRUE(xfrm.set_inbound(inbound, key()));
  const Association outbound{there, 0xeda0fbb2};
  ASSERT_TRUE(xfrm.add_outbound(outbound, key()));

  // Source: a live router's, as captured; but for the mark.
  const std::string listed = run("ip -s xfrm state list spi 0xeda0fbb2");
  EXPECT_TRUE(
      listed.starts_with("src 10.99.0.1 dst 10.99.0.2\n"
                         "\tproto esp spi 0xeda0fbb2(3986750386) reqid 0(0x00000000) mode "
                         "transport\n"
                         "\treplay-window 0 seq 0x00000000 flag esn (0x10000000)\n"))
      << listed;
  for (const char* const part :
       {"output-mark 0x20000/0x20000", "aead rfc4106(gcm(aes)) 0x5a5a5a", "(288 bits) 128",
        "replay_window 256, bitmap-length 8", "sel src 0.0.0.0/0 dst 0.0.0.0/0 uid 0",
        "limit: soft (INF)(bytes), hard (INF)(bytes)", "expire add: soft 0(sec), hard 0(sec)"}) {
    EXPECT_NE(listed.find(part), std::string::npos) << part << " is not in\n" << listed;
  }
  auto ours = xfrm.associations().value();
  std::ranges::sort(ours);
  EXPECT_EQ(ours, (std::vector{outbound, inbound}));
  EXPECT_FALSE(xfrm.is_used(inbound).value());
}

TEST_F(XfrmTest, DoesNotStartAnAssociationAnew) {
  Xfrm xfrm = Xfrm::open().value();
  ASSERT_TRUE(xfrm.add_outbound({there, 0x1000}, key()));

  const auto again = xfrm.add_outbound({there, 0x1000}, key());

  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, std::errc::file_exists);
}

TEST_F(XfrmTest, ForgetsWhatIsRemovedAndWhatNeverWas) {
  Xfrm xfrm = Xfrm::open().value();
  ASSERT_TRUE(xfrm.add_outbound({there, 0x1000}, key()));
  ASSERT_TRUE(xfrm.set_policy({there, 0x1000}));

  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(xfrm.remove_policy(there));
    EXPECT_TRUE(xfrm.remove({there, 0x1000}));
    EXPECT_EQ(run("ip xfrm state list; ip xfrm policy list"), "");
  }
}

TEST_F(XfrmTest, MakesThePolicyOfTheOriginal) {
  Xfrm xfrm = Xfrm::open().value();
  EXPECT_EQ(xfrm.policy(there).value(), std::nullopt);
  ASSERT_TRUE(xfrm.set_policy({there, 0x1000}));

  ASSERT_TRUE(xfrm.set_policy({there, 0xeda0fbb2}));

  EXPECT_EQ(run("ip xfrm policy list"),
            "src 10.99.0.1/32 dst 10.99.0.2/32 proto udp \n"
            "\tdir out priority 0 ptype main \n"
            "\tmark 0x20000/0x20000 \n"
            "\ttmpl src 10.99.0.1 dst 10.99.0.2\n"
            "\t\tproto esp spi 0xeda0fbb2 reqid 0 mode transport\n");
  EXPECT_EQ(xfrm.policy(there).value(), (Association{there, 0xeda0fbb2}));
  EXPECT_EQ(xfrm.policies().value(), (std::vector<Association>{{there, 0xeda0fbb2}}));
}

TEST_F(XfrmTest, LeavesWhatBelongsToOthers) {
  Xfrm xfrm = Xfrm::open().value();
  ASSERT_EQ(run("ip xfrm state add src 10.99.0.1 dst 10.99.0.2 proto esp spi 0x2000 mode transport "
                "aead 'rfc4106(gcm(aes))' 0x" +
                std::string(72, '1') +
                " 128;"
                "ip xfrm policy add src 10.99.0.1/32 dst 10.99.0.2/32 proto udp dir out "
                "tmpl src 10.99.0.1 dst 10.99.0.2 proto esp spi 0x2000 mode transport"),
            "");

  EXPECT_TRUE(xfrm.associations().value().empty());
  EXPECT_TRUE(xfrm.policies().value().empty());
  EXPECT_EQ(xfrm.policy(there).value(), std::nullopt);
}

}  // namespace
}  // namespace weft::ipsec
