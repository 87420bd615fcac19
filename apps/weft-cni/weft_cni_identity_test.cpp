/// Whose interfaces and addresses weft-cni touches, and whose it leaves alone.

#include "weft_cni_test_fixture.hpp"

namespace weft::cni {
namespace {

/// With a second pod, and pods as Weave Net and weft 0.1 left them.
class WeftCniIdentity : public WeftCni {
 protected:
  void SetUp() override {
    WeftCni::SetUp();
    run("ip netns add " + other_pod_);
  }
  void TearDown() override {
    run("ip netns del " + other_pod_);
    WeftCni::TearDown();
  }

  void in_other_pod() { netns_ = "/var/run/netns/" + other_pod_; }

  /// The port has the container's first characters as its name, and no alias.
  void attach_as_of_old(const std::string& container, const std::string& address) {
    const VethNames names = old_veth_names(container);
    run("ip link add " + names.host + " type veth peer name eth0 netns " + pod_);
    run("ip link set " + names.host + " master weave up mtu 1376");
    in_pod("ip link set eth0 up mtu 1376");
    in_pod("ip addr add " + address + " dev eth0");
    in_pod("ip route add default via 10.32.0.1");
  }

  std::string other_pod_ = pod_ + "-other";
};

/// Keeps the pod's namespace alive after its name is gone.
class Straggler {
 public:
  explicit Straggler(const std::string& pod) {
    pid_ = run("ip netns exec " + pod + " sleep 60 > /dev/null & echo $!").text;
    pid_.pop_back();
    const std::string theirs = "readlink /proc/" + pid_ + "/ns/net";
    const std::string ours = run("readlink /proc/self/ns/net").text;
    while (run(theirs).text == ours) {
    }
    run("ip netns del " + pod);
  }
  ~Straggler() { run("kill -9 " + pid_); }
  Straggler(const Straggler&) = delete;
  Straggler& operator=(const Straggler&) = delete;

 private:
  std::string pid_;
};

TEST_F(WeftCniIdentity, IdsThatBeginAlikeArePodsOfTheirOwn) {
  container_ = "cnitool-18ea758fcc6907b4b220";
  ASSERT_EQ(cni("ADD", config()).status, 0);
  const std::string first_port = port();

  container_ = "cnitool-415fbfe66ace8a8e2af6";
  in_other_pod();
  const Output second = cni("ADD", config());
  EXPECT_EQ(second.status, 0) << second.text;

  for (const char* const netns : {"", "/var/run/netns/wt-cni-gone"}) {
    netns_ = netns;
    EXPECT_EQ(cni("DEL", config()).status, 0);
    EXPECT_FALSE(has_host_end());
    EXPECT_TRUE(has_link(first_port));
    EXPECT_NE(in_pod("ip addr show eth0").find("10.32.0.2/12"), std::string::npos);
    EXPECT_TRUE(daemon_->addresses().contains("cnitool-18ea758fcc6907b4b220/eth0"));
  }
}

TEST_F(WeftCniIdentity, EachInterfaceOfAPodHasItsOwnAddressAndPort) {
  ASSERT_EQ(cni("ADD", config()).status, 0);
  const std::string first_port = port();
  interface_ = "net1";
  Json second_network = config();
  second_network["ipam"] = {{"routes", {{{"dst", "10.99.0.0/16"}}}}};

  const Output added = cni("ADD", second_network);

  ASSERT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(daemon_->addresses().size(), 2u);
  EXPECT_NE(in_pod("ip addr show net1").find("10.32.0.3/12"), std::string::npos);
  for (const std::string& netns : {netns_path(), std::string()}) {
    netns_ = netns;
    EXPECT_EQ(cni("DEL", second_network).status, 0);
    EXPECT_EQ(in_pod("ip link").find("net1"), std::string::npos);
    EXPECT_TRUE(has_link(first_port));
    EXPECT_TRUE(daemon_->addresses().contains(container_ + "/eth0"));
  }
}

TEST_F(WeftCniIdentity, AFailureForOneInterfaceLeavesTheOthersAlone) {
  ASSERT_EQ(cni("ADD", config()).status, 0);
  interface_ = "net1";
  daemon_->set_bridge("nosuchbridge");

  EXPECT_EQ(cni("ADD", config()).status, 1);

  EXPECT_EQ(daemon_->addresses().size(), 1u);
  EXPECT_NE(in_pod("ip addr show eth0").find("10.32.0.2/12"), std::string::npos);
}

TEST_F(WeftCniIdentity, ThePortSaysWhoseItIs) {
  ASSERT_EQ(cni("ADD", config()).status, 0);

  EXPECT_NE(run("ip link show " + port()).text.find("alias weft:0123456789abcdef/eth0"),
            std::string::npos);
}

TEST_F(WeftCniIdentity, TwoAddsAtOnceAttachThePodOnce) {
  const std::string input = directory_ + "/config.json";
  std::ofstream(input) << config().dump();
  const std::string add = "CNI_COMMAND=ADD CNI_CONTAINERID=" + container_ +
                          " CNI_IFNAME=eth0 CNI_NETNS=" + netns_ + " WEFT_SOCKET=" + socket_ + " " +
                          WEFT_CNI + " < " + input + " > " + directory_ + "/out";
  for (int round = 0; round < 10; ++round) {
    run("{ " + add + "0 & " + add + "1 & " + add + "2 & wait; }");

    const Output first = run("cat " + directory_ + "/out0");
    EXPECT_EQ(code_of(first), 0u) << first.text;
    EXPECT_EQ(run("cat " + directory_ + "/out1").text, first.text);
    EXPECT_EQ(run("cat " + directory_ + "/out2").text, first.text);
    ASSERT_EQ(daemon_->addresses().size(), 1u);
    EXPECT_NE(in_pod("ip addr show eth0").find(daemon_->addresses().begin()->second),
              std::string::npos);
    ASSERT_EQ(cni("DEL", config()).status, 0);
  }
}

TEST_F(WeftCniIdentity, AnAttachmentInAnotherNamespaceStays) {
  ASSERT_EQ(cni("ADD", config()).status, 0);
  in_other_pod();

  const Output added = cni("ADD", config());
  EXPECT_EQ(code_of(added), 100u);
  EXPECT_NE(added.text.find("another namespace"), std::string::npos) << added.text;
  EXPECT_EQ(cni("DEL", config()).status, 0);

  EXPECT_EQ(daemon_->addresses().size(), 1u);
  EXPECT_NE(in_pod("ip addr show eth0").find("10.32.0.2/12"), std::string::npos);
  netns_ = netns_path();
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_TRUE(daemon_->addresses().empty());
  EXPECT_FALSE(has_host_end());
}

TEST_F(WeftCniIdentity, AnEndedNamespaceIsNoObstacleToTheNext) {
  ASSERT_EQ(cni("ADD", config()).status, 0);
  run("ip netns del " + pod_);
  in_other_pod();

  // The kernel may let go of it a moment after it lost its name.
  Output added = cni("ADD", config());
  for (int i = 0; i < 200 && added.status != 0; ++i) {
    added = cni("ADD", config());
  }

  EXPECT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(daemon_->addresses().size(), 1u);
}

TEST_F(WeftCniIdentity, DelWithoutItsNamespaceRemovesWhatLivesOnInIt) {
  ASSERT_EQ(cni("ADD", config()).status, 0);
  const Straggler straggler{pod_};
  ASSERT_TRUE(has_host_end());

  EXPECT_EQ(cni("DEL", config()).status, 0);

  EXPECT_FALSE(has_host_end());
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCniIdentity, DelLeavesWhatOtherPluginsMade) {
  run("ip link add cali0 type veth peer name eth0 netns " + pod_);
  in_pod("ip link add net1 type bridge");

  for (const char* const interface : {"eth0", "net1", "lo"}) {
    interface_ = interface;
    EXPECT_EQ(cni("ADD", config()).status, 1);
    EXPECT_EQ(cni("DEL", config()).status, 0);
    EXPECT_NE(in_pod("ip link").find(std::string(": ") + interface), std::string::npos);
  }
  EXPECT_TRUE(has_link("cali0"));
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCniIdentity, DelKeepsTheAddressOfWhatItCannotRemove) {
  ASSERT_EQ(cni("ADD", config()).status, 0);
  // Without CAP_NET_ADMIN the kernel lets nobody delete a link.
  const Output deleted =
      cni("DEL", config(),
          std::string("setpriv --bounding-set -net_admin ") + "--inh-caps -net_admin " + WEFT_CNI);

  EXPECT_NE(deleted.text.find("cannot delete interface"), std::string::npos) << deleted.text;
  EXPECT_EQ(daemon_->addresses().size(), 1u);
  EXPECT_TRUE(has_host_end());
}

TEST_F(WeftCniIdentity, APortOfAnotherWithTheSameNameIsLeftAlone) {
  run("ip link add " + port() + " type veth peer name there netns " + other_pod_);
  for (const char* const alias : {"", "weft:fedcba9876543210/eth0", "the printer's"}) {
    run("ip link set " + port() + " alias \"" + alias + "\"");
    for (const std::string& netns : {netns_path(), std::string()}) {
      netns_ = netns;
      EXPECT_EQ(cni("DEL", config()).status, 0);
      EXPECT_TRUE(has_host_end()) << alias;
    }
    netns_ = netns_path();
    EXPECT_EQ(code_of(cni("ADD", config())), 100u);
  }
  EXPECT_EQ(daemon_->asked(), std::vector<std::string>(6, "cni.release"));
}

TEST_F(WeftCniIdentity, AnAddressStaysLeasedWhileAnInterfaceWithItStays) {
  ASSERT_EQ(cni("ADD", config()).status, 0);
  run("ip link set " + port() + " alias weft:fedcba9876543210/eth0");
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_TRUE(has_host_end());
  EXPECT_EQ(daemon_->addresses().size(), 1u);

  const Straggler straggler{pod_};
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_TRUE(has_host_end());
  EXPECT_EQ(daemon_->addresses().size(), 1u);
  run("ip link set " + port() + " alias \"the printer's\"");
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_FALSE(has_host_end());
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCniIdentity, APodOfOldIsCheckedRepeatedAndRemoved) {
  attach_as_of_old(container_, "10.32.0.9/12");
  daemon_->hold(container_ + "/eth0", "10.32.0.9/12");
  Json with_result = config();

  const Output added = cni("ADD", config());
  ASSERT_EQ(added.status, 0) << added.text;
  with_result["prevResult"] = Json::parse(added.text);
  EXPECT_EQ(with_result["prevResult"]["ips"][0]["address"], "10.32.0.9/12");
  EXPECT_EQ(with_result["prevResult"]["interfaces"][1]["name"], "vethwepl0123456");
  EXPECT_EQ(cni("CHECK", with_result).status, 0) << cni("CHECK", with_result).text;

  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_FALSE(has_link("vethwepl0123456"));
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCniIdentity, APodOfOldIsKnownByItsAddressWhenItsNamespaceHasNoNameAnyMore) {
  attach_as_of_old(container_, "10.32.0.9/12");
  const Straggler straggler{pod_};
  netns_ = "";

  container_ = "0123456-is-another";
  daemon_->hold(container_ + "/eth0", "10.32.0.10/12");
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_TRUE(has_link("vethwepl0123456"));

  container_ = "0123456789abcdef";
  daemon_->hold(container_ + "/eth0", "10.32.0.9/12");
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_FALSE(has_link("vethwepl0123456"));
}

TEST_F(WeftCniIdentity, APodOfOldInAnotherNamespaceStays) {
  attach_as_of_old(container_, "10.32.0.9/12");
  daemon_->hold(container_ + "/eth0", "10.32.0.9/12");
  in_other_pod();

  EXPECT_EQ(code_of(cni("ADD", config())), 100u);

  EXPECT_FALSE(has_host_end());
  EXPECT_TRUE(has_link("vethwepl0123456"));
  EXPECT_EQ(daemon_->addresses().size(), 1u);
}

TEST_F(WeftCniIdentity, ASecondInterfaceLeavesThePodOfOldAlone) {
  attach_as_of_old(container_, "10.32.0.9/12");
  daemon_->hold(container_ + "/eth0", "10.32.0.9/12");
  interface_ = "net1";

  for (const std::string& netns : {netns_path(), std::string()}) {
    netns_ = netns;
    EXPECT_EQ(cni("DEL", config()).status, 0);
    EXPECT_TRUE(has_link("vethwepl0123456"));
    EXPECT_EQ(daemon_->addresses().size(), 1u);
  }
}

}  // namespace
}  // namespace weft::cni
