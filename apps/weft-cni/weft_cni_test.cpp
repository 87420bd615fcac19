/// The executable weft-cni against real namespaces, with a daemon that a test controls.

#include "weft_cni_test_fixture.hpp"

namespace weft::cni {
namespace {

TEST_F(WeftCni, AddAttachesThePodAsTheGuideShows) {
  const Output added = cni("ADD", config());

  ASSERT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(in_pod("ip route"),
            "default via 10.32.0.1 dev eth0 \n"
            "10.32.0.0/12 dev eth0 proto kernel scope link src 10.32.0.2 \n");
  EXPECT_NE(in_pod("ip link show dev eth0").find("mtu 1376 qdisc noqueue state UP"),
            std::string::npos)
      << in_pod("ip link show dev eth0");
  EXPECT_EQ(run("bridge -d link show dev " + port()).text.find("hairpin off"), std::string::npos);
  EXPECT_NE(run("ip link show master weave").text.find(port()), std::string::npos);
  EXPECT_EQ(run("cat /proc/sys/net/ipv6/conf/" + port() + "/accept_ra").text, "0\n");
  EXPECT_EQ(in_pod("sysctl -n net.ipv4.neigh.eth0.ucast_solicit"), "1\n");
  EXPECT_NE(in_pod("ping -c 1 -W 2 10.32.0.1").find(" 0% packet loss"), std::string::npos);
}

TEST_F(WeftCni, AddReportsInterfacesAndTheDefaultRoute) {
  const Json result = Json::parse(cni("ADD", config()).text);

  EXPECT_EQ(result["cniVersion"], "1.0.0");
  ASSERT_EQ(result["interfaces"].size(), 3u);
  EXPECT_EQ(result["interfaces"][1]["name"], port());
  EXPECT_EQ(result["interfaces"][2]["name"], "eth0");
  EXPECT_EQ(result["interfaces"][2]["sandbox"], netns_path());
  EXPECT_EQ(result["ips"],
            Json::parse(R"([{"address":"10.32.0.2/12","gateway":"10.32.0.1","interface":2}])"));
  EXPECT_EQ(result["routes"], Json::parse(R"([{"dst":"0.0.0.0/0","gw":"10.32.0.1"}])"));
}

TEST_F(WeftCni, TellsTheDaemonOfACompletePod) {
  ASSERT_EQ(cni("ADD", config()).status, 0);

  const auto told = daemon_->attached();
  ASSERT_EQ(told.size(), 1u);
  const auto mac_of = [](const std::string& link) {
    const std::string before = "link/ether ";
    return link.substr(link.find(before) + before.size(), 17);
  };
  EXPECT_EQ(told[0], (Json{{"container_id", container_},
                           {"ifname", "eth0"},
                           {"port", port()},
                           {"mac", mac_of(in_pod("ip link show eth0"))},
                           {"port_mac", mac_of(run("ip link show " + port()).text)},
                           {"addresses", {"10.32.0.2/12"}},
                           {"netns", netns_path()},
                           {"k8s_namespace", "default"},
                           {"k8s_pod", "web-1"},
                           {"k8s_uid", ""}}));
}

TEST_F(WeftCni, CheckTellsTheDaemonOfThePodAgain) {
  Json with_result = config();
  with_result["prevResult"] = Json::parse(cni("ADD", config()).text);

  ASSERT_EQ(cni("CHECK", with_result).status, 0);

  const auto told = daemon_->attached();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0], told[1]);
}

TEST_F(WeftCni, AttachesNoPodThatTheDaemonCannotAnnounce) {
  daemon_->refuse("cni.attached", Errc::abandoned);

  EXPECT_EQ(code_of(cni("ADD", config())), 11u);

  EXPECT_FALSE(has_host_end());
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCni, ARepeatedAddAnswersTheSame) {
  const Output first = cni("ADD", config());
  const Output second = cni("ADD", config());

  EXPECT_EQ(second.status, 0);
  EXPECT_EQ(first.text, second.text);
}

TEST_F(WeftCni, ARepeatedAddRepairsWhatIsMissing) {
  const Output first = cni("ADD", config());
  in_pod("ip link set eth0 down");
  in_pod("ip addr flush dev eth0");

  const Output second = cni("ADD", config());

  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(in_pod("ip route").find("default via 10.32.0.1 dev eth0"), 0u);
}

TEST_F(WeftCni, GivesThePodAnAddressOfEachFamily) {
  run("ip addr add fd00::1/64 dev weave nodad");
  daemon_->give_ipv6("fd00::2/64", "fd00::1");
  daemon_->set_guarding();
  in_pod("sysctl -w net.ipv6.conf.default.disable_ipv6=1");

  const Output added = cni("ADD", config());

  ASSERT_EQ(added.status, 0) << added.text;
  const Json result = Json::parse(added.text);
  EXPECT_EQ(result["ips"], Json::parse(R"([
      {"address":"10.32.0.2/12","gateway":"10.32.0.1","interface":2},
      {"address":"fd00::2/64","gateway":"fd00::1","interface":2}])"));
  EXPECT_EQ(result["routes"], Json::parse(R"([{"dst":"0.0.0.0/0","gw":"10.32.0.1"},
                                              {"dst":"::/0","gw":"fd00::1"}])"));
  EXPECT_EQ(in_pod("ip -6 route show default").find("default via fd00::1 dev eth0"), 0u)
      << in_pod("ip -6 route");
  EXPECT_EQ(in_pod("ip -o -6 addr show scope global tentative"), "") << "usable at once";
  EXPECT_NE(in_pod("ping -c 1 -W 2 fd00::1").find(" 0% packet loss"), std::string::npos)
      << in_pod("ip addr; ip -6 route");
  EXPECT_NE(in_pod("ping -c 1 -W 2 10.32.0.1").find(" 0% packet loss"), std::string::npos);
  EXPECT_EQ(daemon_->guarded().at(0).params["addresses"], (Json{"10.32.0.2", "fd00::2"}));
  EXPECT_EQ(daemon_->attached().at(0)["addresses"], (Json{"10.32.0.2/12", "fd00::2/64"}));

  const Output again = cni("ADD", config());
  EXPECT_EQ(again.text, added.text);
}

TEST_F(WeftCni, AnnouncesTheNewMacOfAnIpv6Address) {
  run("ip addr add fd00::1/64 dev weave nodad");
  daemon_->give_ipv6("fd00::2/64", "fd00::1");
  run("ip neigh add fd00::2 lladdr 02:00:00:00:00:99 dev weave nud stale");

  ASSERT_EQ(cni("ADD", config()).status, 0);

  const std::string mac = in_pod("cat /sys/class/net/eth0/address").substr(0, 17);
  EXPECT_NE(run("ip neigh show fd00::2").text.find("lladdr " + mac), std::string::npos)
      << run("ip neigh show").text;
}

TEST_F(WeftCni, CheckVerifiesTheAddressOfEachFamily) {
  daemon_->give_ipv6("fd00::2/64", "fd00::1");
  Json with_result = config();
  with_result["prevResult"] = Json::parse(cni("ADD", config()).text);
  EXPECT_EQ(cni("CHECK", with_result).status, 0) << cni("CHECK", with_result).text;

  in_pod("ip -6 route del default");
  EXPECT_NE(cni("CHECK", with_result).text.find("lacks the route to ::/0"), std::string::npos);
  in_pod("ip addr del fd00::2/64 dev eth0");
  EXPECT_NE(cni("CHECK", with_result).text.find("lacks address fd00::2/64"), std::string::npos);

  EXPECT_EQ(cni("ADD", config()).status, 0);
  EXPECT_EQ(cni("CHECK", with_result).status, 0);
  daemon_->give_ipv6("fd00::3/64", "fd00::1");
  EXPECT_NE(cni("CHECK", with_result).text.find("address fd00::2/64 is not allocated"),
            std::string::npos);
}

TEST_F(WeftCni, OldVersionsHaveOneAddressOfEachFamily) {
  daemon_->give_ipv6("fd00::2/64", "fd00::1");
  Json old = config();
  old["cniVersion"] = "0.2.0";

  const Json result = Json::parse(cni("ADD", old).text);

  EXPECT_EQ(result["ip4"], Json::parse(R"({"ip":"10.32.0.2/12","gateway":"10.32.0.1",
      "routes":[{"dst":"0.0.0.0/0","gw":"10.32.0.1"}]})"));
  EXPECT_EQ(result["ip6"], Json::parse(R"({"ip":"fd00::2/64","gateway":"fd00::1",
      "routes":[{"dst":"::/0","gw":"fd00::1"}]})"));
}

TEST_F(WeftCni, TakesTheAddressesOfEachFamilyFromADelegate) {
  std::ofstream(directory_ + "/two-families")
      << "#!/bin/sh\necho '" << R"({"cniVersion":"1.0.0","ips":[{"address":"10.5.0.4/24"},)"
      << R"({"address":"fd05::4/64","gateway":"fd05::1"}]})" << "'\n";
  std::filesystem::permissions(directory_ + "/two-families", std::filesystem::perms::owner_all);
  Json delegating = config();
  delegating["ipam"] = {{"type", "two-families"}};

  const Output added = cni("ADD", delegating);

  ASSERT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(in_pod("ip -6 route show default").find("default via fd05::1 dev eth0"), 0u);
  EXPECT_EQ(in_pod("ip route show default").find("default via 10.32.0.1 dev eth0"), 0u);
  EXPECT_EQ(daemon_->attached().at(0)["addresses"], (Json{"10.5.0.4/24", "fd05::4/64"}));
}

TEST_F(WeftCni, CleansUpAfterAnAddThatWasKilledHalfWay) {
  run("ip link add " + port() + " type veth peer name " + veth_names({container_, interface_}).pod +
      " netns " + pod_);

  const Output added = cni("ADD", config());

  EXPECT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(in_pod("ip link").find("vethwepg"), std::string::npos);
}

TEST_F(WeftCni, DoesNotTakeAnotherInterfaceOfThatName) {
  in_pod("ip link add eth0 type bridge");

  const Output added = cni("ADD", config());

  EXPECT_EQ(added.status, 1);
  EXPECT_EQ(code_of(added), 100u);
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCni, RollsBackWhenAttachingFails) {
  daemon_->set_bridge("nosuchbridge");

  const Output added = cni("ADD", config());

  EXPECT_EQ(added.status, 1);
  EXPECT_EQ(code_of(added), 100u);
  EXPECT_FALSE(has_host_end());
  EXPECT_TRUE(daemon_->addresses().empty());
  EXPECT_EQ(in_pod("ip link").find("eth0"), std::string::npos);
}

TEST_F(WeftCni, SaysTryAgainAtOnceWhenTheDaemonIsDown) {
  daemon_.reset();

  const auto start = std::chrono::steady_clock::now();
  const Output added = cni("ADD", config());

  EXPECT_EQ(code_of(added), 11u);
  EXPECT_FALSE(has_host_end());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(WeftCni, SaysTryAgainWhenTheDaemonHasNoAddresses) {
  daemon_->refuse("cni.add", Errc::timeout);

  EXPECT_EQ(code_of(cni("ADD", config())), 11u);
}

TEST_F(WeftCni, DelRemovesEverythingAndMayBeRepeated) {
  cni("ADD", config());
  ASSERT_TRUE(has_host_end());

  for (int i = 0; i < 2; ++i) {
    const Output deleted = cni("DEL", config());
    EXPECT_EQ(deleted.status, 0) << deleted.text;
    EXPECT_EQ(deleted.text, "");
    EXPECT_FALSE(has_host_end());
    EXPECT_TRUE(daemon_->addresses().empty());
  }
}

TEST_F(WeftCni, DelWorksWithoutTheNamespace) {
  cni("ADD", config());

  netns_ = "/var/run/netns/wt-cni-gone";
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_FALSE(has_host_end());
  netns_ = "";
  EXPECT_EQ(cni("DEL", config()).status, 0);
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCni, DelRemovesTheInterfaceEvenWhileTheDaemonIsDown) {
  cni("ADD", config());
  daemon_.reset();

  const Output deleted = cni("DEL", config());

  EXPECT_EQ(code_of(deleted), 11u);
  EXPECT_FALSE(has_host_end());
}

TEST_F(WeftCni, DelCleansUpEvenWithABadConfiguration) {
  cni("ADD", config());

  EXPECT_EQ(cni_text("DEL", "{ not json").status, 0);

  EXPECT_FALSE(has_host_end());
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCni, DelHeedsNoVersion) {
  for (const char* const version : {"1.1.0", "9.9.9", "", "x"}) {
    ASSERT_EQ(cni("ADD", config()).status, 0);
    Json unknown = config();
    unknown["cniVersion"] = version;

    const Output deleted = cni("DEL", unknown);

    EXPECT_EQ(deleted.status, 0) << deleted.text;
    EXPECT_FALSE(has_host_end());
    EXPECT_TRUE(daemon_->addresses().empty());
  }
}

TEST_F(WeftCni, CheckAcceptsWhatAddMadeAndNoticesDifferences) {
  Json with_result = config();
  with_result["prevResult"] = Json::parse(cni("ADD", config()).text);

  EXPECT_EQ(cni("CHECK", with_result).status, 0) << cni("CHECK", with_result).text;
  EXPECT_EQ(code_of(cni("CHECK", config())), 7u);

  const std::vector<std::pair<std::string, std::string>> damages{
      {"ip netns exec " + pod_ + " ip route del default",
       "ip netns exec " + pod_ + " ip route add default via 10.32.0.1"},
      {"ip netns exec " + pod_ + " ip link set eth0 mtu 1200",
       "ip netns exec " + pod_ + " ip link set eth0 mtu 1376"},
      {"ip link set " + port() + " nomaster", "ip link set " + port() + " master weave"},
      {"ip link set " + port() + " down", "ip link set " + port() + " up"},
      {"ip netns exec " + pod_ + " ip link set eth0 address 02:00:00:00:00:01", ""}};
  for (const auto& [damage, repair] : damages) {
    run(damage);
    EXPECT_EQ(code_of(cni("CHECK", with_result)), 100u) << damage;
    run(repair);
  }
  in_pod("ip link del eth0");
  EXPECT_EQ(code_of(cni("CHECK", with_result)), 100u);
}

TEST_F(WeftCni, CheckNoticesALostAllocation) {
  Json with_result = config();
  with_result["prevResult"] = Json::parse(cni("ADD", config()).text);
  daemon_.reset();
  daemon_.emplace(socket_);

  EXPECT_EQ(code_of(cni("CHECK", with_result)), 100u);
}

TEST_F(WeftCni, RefusesTheHostsNamespace) {
  netns_ = "/proc/self/ns/net";

  const Output added = cni("ADD", config());

  EXPECT_EQ(added.status, 1);
  EXPECT_NE(added.text.find("host"), std::string::npos);
  EXPECT_TRUE(daemon_->asked().empty());
}

TEST_F(WeftCni, UsesTheConfiguredMtuAndHairpin) {
  Json custom = config();
  custom["mtu"] = 1200;
  custom["hairpinMode"] = false;

  ASSERT_EQ(cni("ADD", custom).status, 0);

  EXPECT_NE(in_pod("ip link show dev eth0").find("mtu 1200"), std::string::npos);
  EXPECT_NE(run("bridge -d link show dev " + port()).text.find("hairpin off"), std::string::npos);
}

TEST_F(WeftCni, GivesAPodNoMoreThanTheBridgeCarries) {
  Json custom = config();
  custom["mtu"] = 9000;

  ASSERT_EQ(cni("ADD", custom).status, 0);

  EXPECT_TRUE(daemon_->has_port());
  EXPECT_NE(in_pod("ip link show dev eth0").find("mtu 1376"), std::string::npos);
}

TEST_F(WeftCni, DelegatesToWeaveIpamThroughExec) {
  std::filesystem::create_symlink(WEFT_CNI, directory_ + "/weave-ipam");
  Json delegating = config();
  delegating["ipam"] = {{"type", "weave-ipam"}};

  const Output added = cni("ADD", delegating);

  ASSERT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(in_pod("ip route").find("default via 10.32.0.1 dev eth0"), 0u);
  EXPECT_EQ(daemon_->asked(), (std::vector<std::string>{"cni.add", "cni.network", "cni.attached"}));
  EXPECT_FALSE(daemon_->has_port()) << "weave-ipam cannot know who makes the interface";
  Json checked = delegating;
  checked["prevResult"] = Json::parse(added.text);
  EXPECT_EQ(cni("CHECK", checked).status, 0) << cni("CHECK", checked).text;
  EXPECT_EQ(cni("DEL", delegating).status, 0);
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCni, FreesADelegatesAddressWhenAttachingFails) {
  std::filesystem::create_symlink(WEFT_CNI, directory_ + "/weave-ipam");
  daemon_->set_bridge("nosuchbridge");
  Json delegating = config();
  delegating["ipam"] = {{"type", "weave-ipam"}};

  EXPECT_EQ(cni("ADD", delegating).status, 1);

  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCni, ReportsADelegateThatIsMissing) {
  Json delegating = config();
  delegating["ipam"] = {{"type", "host-local"}};

  const Output added = cni("ADD", delegating);

  EXPECT_EQ(code_of(added), 7u);
  EXPECT_NE(added.text.find("host-local"), std::string::npos);
}

TEST_F(WeftCni, ActsAsAnIpamPluginByItsName) {
  std::filesystem::create_symlink(WEFT_CNI, directory_ + "/weave-ipam");
  Json with_gateway = config();
  with_gateway["ipam"] = {{"gateway", "10.32.0.1"}, {"routes", {{{"dst", "0.0.0.0/0"}}}}};

  const Json result = Json::parse(cni("ADD", with_gateway, directory_ + "/weave-ipam").text);

  EXPECT_EQ(result, Json::parse(R"({"cniVersion":"1.0.0","dns":{},
      "ips":[{"address":"10.32.0.2/12","gateway":"10.32.0.1"}],"routes":[{"dst":"0.0.0.0/0"}]})"));
  EXPECT_FALSE(has_host_end());
}

TEST_F(WeftCni, ManyPodsAtOnce) {
  constexpr int pods = 8;
  std::string script;
  const std::string input = directory_ + "/config.json";
  std::ofstream(input) << config().dump();
  for (int i = 0; i < pods; ++i) {
    const std::string id = std::to_string(i);
    run("ip netns add " + pod_ + "-" + id);
    script += "CNI_COMMAND=ADD CNI_CONTAINERID=" + id +
              "bcdefgh CNI_IFNAME=eth0 CNI_NETNS=" + netns_path() + "-" + id +
              " WEFT_SOCKET=" + socket_ + " " + WEFT_CNI + " < " + input + " > " + directory_ +
              "/out" + id + " & ";
  }
  run("{ " + script + "wait; }");

  EXPECT_EQ(daemon_->addresses().size(), static_cast<std::size_t>(pods));
  for (int i = 0; i < pods; ++i) {
    const std::string pod = pod_ + "-" + std::to_string(i);
    EXPECT_EQ(run("ip netns exec " + pod + " ip route").text.find("default via 10.32.0.1"), 0u)
        << i;
    run("ip netns del " + pod);
  }
}

TEST_F(WeftCni, PrintsErrorsForEachKindOfBadInput) {
  EXPECT_EQ(code_of(cni_text("ADD", "")), 6u);
  EXPECT_EQ(code_of(cni_text("ADD", std::string(std::size_t{2} << 20, ' '))), 6u);
  EXPECT_EQ(code_of(cni_text("ADD", R"({"cniVersion":"1.0.0","name":"w","isGateway":true})")), 7u);
  EXPECT_EQ(code_of(cni_text("ADD", R"({"cniVersion":"7.0.0","name":"w"})")), 1u);
  EXPECT_EQ(code_of(cni_text("CHECK", R"({"cniVersion":"0.3.1","name":"w"})")), 1u);
  EXPECT_EQ(code_of(cni_text("NONSENSE", "{}")), 4u);
  container_ = "''";
  EXPECT_EQ(code_of(cni("ADD", config())), 4u);
  EXPECT_TRUE(daemon_->asked().empty());
}

TEST(Version, NeedsNothing) {
  const Output output = run("env -i CNI_COMMAND=VERSION " WEFT_CNI " < /dev/null");

  EXPECT_EQ(output.status, 0);
  EXPECT_EQ(Json::parse(output.text)["supportedVersions"].size(), 6u);
}

}  // namespace
}  // namespace weft::cni
