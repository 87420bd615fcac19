/// The pods on a bridge in a real kernel, whatever attached them.

#include "pods.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <gtest/gtest.h>

#include <weft/netlink/batch.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/nft/transaction.hpp>

#include "common/attachment/guard_names.hpp"
#include "shell.hpp"

namespace weft::bridge {
namespace {

using weft::testing::run;

net::Cidr cidr(const char* text) {
  return net::parse_cidr(text).value();
}

class PodsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
      GTEST_SKIP() << "cannot create namespaces: " << std::strerror(errno);
    }
    ASSERT_EQ(run("mount -t tmpfs tmpfs /run && ip link add weave type bridge && "
                  "ip link set weave up"),
              "");
  }
  /// A namespace with one end of a veth pair; the other is a port of the bridge.
  static void attach(const std::string& pod, const std::string& port, const std::string& alias) {
    ASSERT_EQ(run("ip netns add " + pod + " && ip link add " + port +
                  " master weave type veth peer name eth0 netns " + pod + " && ip -n " + pod +
                  " link set eth0 up && ip link set " + port + " up"),
              "");
    if (!alias.empty()) {
      ASSERT_EQ(run("ip link set " + port + " alias '" + alias + "'"), "");
    }
  }
  static void give(const std::string& pod, const std::string& address) {
    ASSERT_EQ(run("ip -n " + pod + " address add " + address + " dev eth0"), "");
  }
  static std::map<std::string, BridgePod> found() {
    std::map<std::string, BridgePod> pods;
    for (const auto all = find_pods("weave").value(); const BridgePod& pod : all) {
      pods[pod.port] = pod;
    }
    return pods;
  }
};

TEST_F(PodsTest, AreFoundWithTheirHoldersAndAddresses) {
  attach("one", "vethwepl1", "weft:0123456789abcdef/eth0");
  give("one", "10.32.0.1/12");
  give("one", "10.33.0.1/24");
  attach("two", "vethwepl2", "weft:0123456789abcdef/net1");
  give("two", "10.32.0.2/12");

  const auto pods = found();

  ASSERT_EQ(pods.size(), 2u);
  EXPECT_EQ(pods.at("vethwepl1").holder, "0123456789abcdef");
  EXPECT_EQ(pods.at("vethwepl1").addresses,
            (std::vector{cidr("10.32.0.1/12"), cidr("10.33.0.1/24")}));
  EXPECT_EQ(pods.at("vethwepl2").holder, "0123456789abcdef/net1");
}

TEST_F(PodsTest, OfWeaveNetAndOfPeopleAreFoundWithoutHolders) {
  attach("old", "vethwepl0123456", "");
  give("old", "10.32.0.1/12");
  attach("hand", "handmade", "the printer");
  give("hand", "10.32.0.2/12");
  ASSERT_EQ(run("ip link add vethwe-bridge master weave type veth peer name vethwe-datapath"), "");

  const auto pods = found();

  ASSERT_EQ(pods.size(), 2u) << "what has no address behind it and no pod's name is none";
  EXPECT_EQ(pods.at("vethwepl0123456").holder, "");
  EXPECT_EQ(pods.at("handmade").addresses, std::vector{cidr("10.32.0.2/12")});
}

TEST_F(PodsTest, WhoseAddressesAreElsewhereAreKnownFromTheGuard) {
  attach("sandbox", "vethwepl1", "weft:c1/eth0");
  nft::Table table{std::string(cni::guard_table_name), {}, {}, cni::guard_family};
  const auto address = std::as_bytes(std::span("\x0a\x20\x00\x09", 4));
  const Bytes port = nft::interface_field("vethwepl1");
  table.sets.push_back({std::string(cni::guard_ipv4_set),
                        {nft::Field::in_interface, nft::Field::source_address},
                        {{nft::key_of({port, address})}}});
  nl::Batch batch;
  nft::append_replacement(batch, table);
  ASSERT_TRUE(nl::Socket::open(NETLINK_NETFILTER)->commit(batch, "add a table"));

  EXPECT_EQ(found().at("vethwepl1").addresses, std::vector{cidr("10.32.0.9/32")});

  give("sandbox", "10.32.0.9/12");
  EXPECT_EQ(found().at("vethwepl1").addresses, std::vector{cidr("10.32.0.9/12")}) << "once";
}

TEST_F(PodsTest, WithoutAnyAddressAreFoundByTheirName) {
  attach("bare", "vethwepl1", "");
  EXPECT_TRUE(found().at("vethwepl1").addresses.empty());
}

TEST_F(PodsTest, OnNoBridgeKeepTheirAddressesAndAreNotOfTheBridge) {
  attach("one", "vethwepl1", "weft:0123456789abcdef/eth0");
  give("one", "10.32.0.1/12");
  attach("old", "vethwepl0123456", "");
  give("old", "10.32.0.2/12");
  attach("making", "vethwepl2", "weft:c2/eth0");
  attach("hand", "handmade", "the printer");
  give("hand", "10.32.0.3/12");
  attach("apart", "vethwepl4", "weft:c4/eth0");
  give("apart", "10.32.0.4/12");
  ASSERT_EQ(run("ip link del weave && ip link add weave type bridge && "
                "ip link add other type bridge && ip link set vethwepl4 master other"),
            "");

  const auto pods = find_all_pods("weave").value();

  ASSERT_EQ(pods.size(), 2u) << "what is not known for a pod's, or is another bridge's, is none";
  for (const BridgePod& pod : pods) {
    const bool is_one = pod.port == "vethwepl1";
    EXPECT_EQ(pod.holder, is_one ? "0123456789abcdef" : "");
    EXPECT_EQ(pod.addresses, std::vector{cidr(is_one ? "10.32.0.1/12" : "10.32.0.2/12")});
  }
  EXPECT_TRUE(found().empty());
}

TEST_F(PodsTest, OfABridgeThatIsNotThereAreAnError) {
  EXPECT_EQ(find_pods("absent").error().code, std::errc::no_such_device);
}

}  // namespace
}  // namespace weft::bridge
