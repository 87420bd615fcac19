/// The executable weft-cni against real namespaces, with a daemon that a test controls.

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/protocol.hpp"

namespace weft::cni {
namespace {

using Json = nlohmann::json;

/// Exit status and standard output; standard error is dropped.
struct Output {
  int status = -1;
  std::string text;
};

Output run(const std::string& command) {
  Output output;
  std::FILE* const pipe = popen((command + " 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) {
    return output;
  }
  std::array<char, 4096> chunk{};
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
    output.text.append(chunk.data(), got);
  }
  const int status = pclose(pipe);
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

/// Serves the control socket as the cni plugin would, and remembers what was asked.
class FakeDaemon {
 public:
  explicit FakeDaemon(std::string path) : path_(std::move(path)) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    EXPECT_EQ(::pipe(wake_), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeDaemon() {
    ::close(wake_[1]);
    thread_.join();
    ::close(wake_[0]);
    ::close(listener_);
    ::unlink(path_.c_str());
  }

  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::map<std::string, std::string> addresses() {
    const std::lock_guard lock(mutex_);
    return addresses_;
  }
  /// Answers `command` with an error from now on.
  void refuse(const std::string& command, Errc code) {
    const std::lock_guard lock(mutex_);
    refused_[command] = code;
  }
  void set_bridge(const std::string& bridge) {
    const std::lock_guard lock(mutex_);
    bridge_ = bridge;
  }

 private:
  void serve() {
    std::array<pollfd, 2> entries{pollfd{listener_, POLLIN, 0}, pollfd{wake_[0], POLLIN, 0}};
    while (::poll(entries.data(), entries.size(), -1) > 0 && entries[1].revents == 0) {
      const int client = ::accept(listener_, nullptr, nullptr);
      std::string line;
      char c = 0;
      while (::read(client, &c, 1) == 1 && c != '\n') {
        line += c;
      }
      const auto request = control::parse_request(line);
      const std::string reply =
          control::format_answer(request ? answer(*request) : tl::unexpected(request.error()));
      EXPECT_EQ(::write(client, reply.data(), reply.size()), std::ssize(reply));
      ::close(client);
    }
  }

  Result<std::string> answer(const control::Request& request) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(request.command);
    if (const auto found = refused_.find(request.command); found != refused_.end()) {
      return fail(found->second, "do as told");
    }
    const Json params = Json::parse(request.params);
    const std::string container = params["container_id"];
    Json network{{"mtu", 1376}, {"bridge", bridge_}, {"gateway", "10.32.0.1"}};
    if (request.command == "cni.release") {
      addresses_.erase(container);
      return "{}";
    }
    if (request.command == "cni.add") {
      const auto next = "10.32.0." + std::to_string(addresses_.size() + 2) + "/12";
      network["address"] = addresses_.try_emplace(container, next).first->second;
    } else if (request.command == "cni.network") {
      network["address"] = params["address"];
    } else if (addresses_.contains(container)) {
      network["address"] = addresses_[container];
    }
    return network.dump();
  }

  std::string path_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::map<std::string, std::string> addresses_;
  std::map<std::string, Errc> refused_;
  std::string bridge_ = "weave";
  std::thread thread_;
};

/// The test's thread is in a nameless host namespace with a bridge; pods have named ones.
class WeftCni : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    if (run("ip netns add " + pod_ +
            " && ip link add weave address 02:00:00:00:00:0a type bridge && ip link set lo up && "
            "ip addr add 10.32.0.1/12 dev weave && ip link set weave up")
            .status != 0) {
      GTEST_SKIP() << "cannot set up namespaces with ip(8)";
    }
    std::filesystem::create_directories(directory_);
    daemon_.emplace(socket_);
  }
  void TearDown() override {
    daemon_.reset();
    run("ip netns del " + pod_);
    std::filesystem::remove_all(directory_);
  }

  std::string netns_path() const { return "/var/run/netns/" + pod_; }

  Output cni(const std::string& command, const Json& config,
             const std::string& program = WEFT_CNI) {
    return cni_text(command, config.dump(), program);
  }
  Output cni_text(const std::string& command, const std::string& config,
                  const std::string& program = WEFT_CNI) {
    const std::string input = directory_ + "/config.json";
    std::ofstream(input) << config;
    return run("CNI_COMMAND=" + command + " CNI_CONTAINERID=" + container_ +
               " CNI_NETNS=" + netns_ + " CNI_IFNAME=eth0 CNI_PATH=" + directory_ +
               " WEFT_SOCKET=" + socket_ + " " + program + " < " + input);
  }
  static Json config() {
    return {{"cniVersion", "1.0.0"}, {"name", "weave"}, {"type", "weave-net"}};
  }
  std::string in_pod(const std::string& command) {
    return run("ip netns exec " + pod_ + " " + command).text;
  }
  static bool has_host_end() { return run("ip link show vethwepl0123456").status == 0; }
  static unsigned code_of(const Output& output) {
    const Json json = Json::parse(output.text, nullptr, false);
    return json.is_object() && json.contains("code") ? json["code"].get<unsigned>() : 0;
  }

  std::string unique_ = std::to_string(::getpid());
  std::string pod_ = "wt-cni-pod-" + unique_;
  std::string directory_ = "/tmp/wt-cni-" + unique_;
  std::string socket_ = directory_ + "/weft.sock";
  std::string container_ = "0123456789abcdef";
  std::string netns_ = netns_path();
  std::optional<FakeDaemon> daemon_;
};

TEST_F(WeftCni, AddAttachesThePodAsTheGuideShows) {
  const Output added = cni("ADD", config());

  ASSERT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(in_pod("ip route"),
            "default via 10.32.0.1 dev eth0 \n"
            "10.32.0.0/12 dev eth0 proto kernel scope link src 10.32.0.2 \n");
  EXPECT_NE(in_pod("ip link show dev eth0").find("mtu 1376 qdisc noqueue state UP"),
            std::string::npos)
      << in_pod("ip link show dev eth0");
  EXPECT_EQ(run("bridge -d link show dev vethwepl0123456").text.find("hairpin off"),
            std::string::npos);
  EXPECT_NE(run("ip link show master weave").text.find("vethwepl0123456"), std::string::npos);
  EXPECT_EQ(run("cat /proc/sys/net/ipv6/conf/vethwepl0123456/accept_ra").text, "0\n");
  EXPECT_EQ(in_pod("sysctl -n net.ipv4.neigh.eth0.ucast_solicit"), "1\n");
  EXPECT_NE(in_pod("ping -c 1 -W 2 10.32.0.1").find(" 0% packet loss"), std::string::npos);
}

TEST_F(WeftCni, AddReportsInterfacesAndTheDefaultRoute) {
  const Json result = Json::parse(cni("ADD", config()).text);

  EXPECT_EQ(result["cniVersion"], "1.0.0");
  ASSERT_EQ(result["interfaces"].size(), 3u);
  EXPECT_EQ(result["interfaces"][1]["name"], "vethwepl0123456");
  EXPECT_EQ(result["interfaces"][2]["name"], "eth0");
  EXPECT_EQ(result["interfaces"][2]["sandbox"], netns_path());
  EXPECT_EQ(result["ips"],
            Json::parse(R"([{"address":"10.32.0.2/12","gateway":"10.32.0.1","interface":2}])"));
  EXPECT_EQ(result["routes"], Json::parse(R"([{"dst":"0.0.0.0/0","gw":"10.32.0.1"}])"));
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

TEST_F(WeftCni, CleansUpAfterAnAddThatWasKilledHalfWay) {
  run("ip link add vethwepl0123456 type veth peer name vethwepg0123456 netns " + pod_);

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
      {"ip link set vethwepl0123456 nomaster", "ip link set vethwepl0123456 master weave"},
      {"ip link set vethwepl0123456 down", "ip link set vethwepl0123456 up"},
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
  EXPECT_NE(run("bridge -d link show dev vethwepl0123456").text.find("hairpin off"),
            std::string::npos);
}

TEST_F(WeftCni, DelegatesToWeaveIpamThroughExec) {
  std::filesystem::create_symlink(WEFT_CNI, directory_ + "/weave-ipam");
  Json delegating = config();
  delegating["ipam"] = {{"type", "weave-ipam"}};

  const Output added = cni("ADD", delegating);

  ASSERT_EQ(added.status, 0) << added.text;
  EXPECT_EQ(in_pod("ip route").find("default via 10.32.0.1 dev eth0"), 0u);
  EXPECT_EQ(daemon_->asked(), (std::vector<std::string>{"cni.add", "cni.network"}));
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
