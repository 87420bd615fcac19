/// Other programs' packet filters on a real loop, in a network namespace of its own.

#include "firewall_watch.hpp"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>
#include <weft/testing/running_loop.hpp>

#include "nat_keeper.hpp"
#include "shell.hpp"

namespace weft::nat {
namespace {

using namespace std::chrono_literals;
using weft::testing::run;

/// Entered before any thread starts, so that all threads are in it.
struct OwnNamespace {
  OwnNamespace() : is_there(::unshare(CLONE_NEWNET) == 0) {}
  bool is_there;
};

class FirewallWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!space.is_there) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
  }
  void TearDown() override {
    if (!IsSkipped()) {
      loop->run([this] { keeper.stop(); });
      loop.reset();  // ends before what it runs
    }
  }

  /// A keeper of pods in 10.32.0.0/12 on the bridge `weave`.
  void start() {
    const auto started = loop->run([this] {
      return keeper.start("weave", Translation::masquerade, [](const std::string&) {});
    });
    ASSERT_TRUE(started) << started.error().message();
    std::promise<Result<>> answer;
    keeper.masquerade(net::parse_cidr("10.32.0.0/12").value(),
                      Reply<>(*loop, [&](Result<> got) { answer.set_value(got); }));
    ASSERT_TRUE(answer.get_future().get());
  }

  /// What `weft doctor` would show now.
  std::vector<doctor::Check> checks() {
    std::promise<Result<std::vector<doctor::Check>>> answer;
    loop->run([&] {
      keeper.check({*loop, [&](Result<std::vector<doctor::Check>> got) {
                      answer.set_value(std::move(got));
                    }});
    });
    return answer.get_future().get().value();
  }

  /// Waits until the watch, which nobody asks, has found `count` chains.
  std::vector<Finding> wait_for_findings(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    std::vector<Finding> findings;
    do {
      findings = loop->run([this] { return keeper.dropped(); });
    } while (findings.size() != count && std::chrono::steady_clock::now() < deadline);
    EXPECT_EQ(findings.size(), count);
    return findings;
  }

  OwnNamespace space;
  weft::testing::SimWorld world;
  weft::testing::FakeHost host{world};
  std::optional<weft::testing::RunningLoop> loop{std::in_place};
  NatKeeper keeper{*loop, host.as_host().log(), host.metrics()};
};

TEST_F(FirewallWatchTest, NamesTheRuleOfAChainForNatAndHowToLetPodsPass) {
  start();
  run("nft 'table ip site { chain pre { type nat hook prerouting priority -150; "
      "tcp dport 80 redirect to :8080; ip saddr 10.0.0.0/8 drop; }; }'");

  wait_for_findings(1);
  const doctor::Check check = checks().at(0);
  EXPECT_EQ(check.state, doctor::State::wrong);
  EXPECT_TRUE(check.text.starts_with(
      "a rule of 'ip site pre' (handle 3) drops what pods send to each other, "))
      << check.text;
  ASSERT_TRUE(check.remedy.starts_with("nft insert rule ip site pre handle 3 iifname weave accept"))
      << check.remedy;

  EXPECT_EQ(run(check.remedy.substr(0, check.remedy.find(';'))), "");
  wait_for_findings(0);
}

TEST_F(FirewallWatchTest, NoticesAPolicyOfNftablesAndItsEnd) {
  start();
  EXPECT_EQ(checks().at(0).state, doctor::State::ok);

  run("nft 'add table inet filter; add chain inet filter forward { type filter hook forward "
      "priority 0; policy drop; }'");

  const auto findings = wait_for_findings(1);
  EXPECT_TRUE(findings.at(0).is_wrong());
  EXPECT_EQ(checks().at(0).state, doctor::State::wrong);
  EXPECT_TRUE(host.logged("traffic of pods is dropped by another program's packet filter"));
  EXPECT_EQ(host.metrics()
                .gauge("weft_nat_dropping_chains", "", {{"traffic", "pods-to-outside"}})
                .value(),
            1);

  // As the remedy says.
  run("nft insert rule inet filter forward iifname weave accept");
  run("nft insert rule inet filter forward oifname weave accept");
  wait_for_findings(0);
  EXPECT_EQ(checks().at(0).state, doctor::State::ok);
  EXPECT_EQ(host.metrics()
                .gauge("weft_nat_dropping_chains", "", {{"traffic", "pods-to-outside"}})
                .value(),
            0);
}

TEST_F(FirewallWatchTest, FindsWhatWasThereBefore) {
  run("nft 'add table bridge filter; add chain bridge filter forward { type filter hook forward "
      "priority 0; policy drop; }'");
  start();

  const auto findings = wait_for_findings(1);

  EXPECT_EQ(findings.at(0).traffic, std::set{Traffic::pods_to_pods});
  run("nft 'insert rule bridge filter forward iifname \"vethwe*\" accept'");
  wait_for_findings(0);
}

TEST_F(FirewallWatchTest, KeepsAcceptsOnTopOfARejectOfIptables) {
  start();
  run("iptables-nft -A FORWARD -j REJECT --reject-with icmp-host-prohibited");

  const auto deadline = std::chrono::steady_clock::now() + 20s;
  std::string listed;
  while (listed.find("weave to itself") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    listed = run("iptables-nft -S FORWARD");
  }

  EXPECT_LT(listed.find("weave exposes"), listed.find("REJECT")) << listed;
  EXPECT_EQ(checks().at(0).state, doctor::State::ok);
}

TEST_F(FirewallWatchTest, KeepsAcceptsOnTopOfIptablesLegacy) {
  if (!run("iptables-legacy -P FORWARD DROP").empty()) {
    GTEST_SKIP() << "this kernel has no tables of iptables-legacy";
  }
  start();

  EXPECT_EQ(checks().at(0).state, doctor::State::ok);

  const std::string listed = run("iptables-legacy -S FORWARD");
  EXPECT_NE(listed.find("weave to itself"), std::string::npos) << listed;
  run("iptables-legacy -I FORWARD -j REJECT");
  EXPECT_EQ(checks().at(0).state, doctor::State::ok);
  const std::string again = run("iptables-legacy -S FORWARD");
  EXPECT_LT(again.find("weave exposes"), again.find("REJECT")) << again;
  EXPECT_EQ(again.find("weave exposes"), again.rfind("weave exposes")) << again;

  run("iptables-legacy -F FORWARD; iptables-legacy -P FORWARD ACCEPT");
  EXPECT_EQ(checks().at(0).state, doctor::State::ok);
  EXPECT_EQ(run("iptables-legacy -S FORWARD"), "-P FORWARD ACCEPT\n");
}

TEST_F(FirewallWatchTest, NoticesIptablesLegacySoonAfterItCameIntoUse) {
  start();
  EXPECT_EQ(checks().at(0).state, doctor::State::ok);  // the first look is over
  if (!run("iptables-legacy -P FORWARD DROP").empty()) {
    GTEST_SKIP() << "this kernel has no tables of iptables-legacy";
  }
  const auto patience = std::chrono::steady_clock::now() + 8s;  // the other looks are 10 s apart
  bool is_accepted = false;
  while (!is_accepted && std::chrono::steady_clock::now() < patience) {
    is_accepted = run("iptables-legacy -S FORWARD").find("weave exposes") != std::string::npos;
  }
  EXPECT_TRUE(is_accepted);
}

TEST_F(FirewallWatchTest, SaysWhatDropsInOtherTablesOfIptablesLegacy) {
  if (!run("iptables-legacy -t mangle -P FORWARD DROP").empty()) {
    GTEST_SKIP() << "this kernel has no tables of iptables-legacy";
  }
  start();

  const auto found = checks();

  EXPECT_EQ(found.at(0).state, doctor::State::wrong);
  EXPECT_TRUE(found.at(0).text.starts_with("the policy of 'iptables-legacy mangle FORWARD' drops"));
}

/// A firewall-cmd of the test's own, before all others in PATH.
class FirewalldWatchTest : public FirewallWatchTest {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::temp_directory_path() / ("weft-firewalld-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
    ::setenv("PATH", (directory_.string() + ":" + path_).c_str(), 1);
    FirewallWatchTest::SetUp();
  }
  void TearDown() override {
    FirewallWatchTest::TearDown();
    ::setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }

  void write_firewall_cmd(const std::string& script) {
    const auto file = directory_ / "firewall-cmd";
    std::ofstream(file) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  /// As firewalld has it, with its public zone alone.
  static void load_firewalld() {
    run("nft 'add table inet firewalld;"
        "add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; };"
        "add rule inet firewalld filter_FORWARD ct state { established, related } accept;"
        "add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited'");
  }

  const std::string path_ = std::getenv("PATH");
  std::filesystem::path directory_;
};

TEST_F(FirewalldWatchTest, HasTheBridgeTrusted) {
  write_firewall_cmd(
      "case $1 in\n"
      "--get-zone-of-interface=weave) exit 2;;\n"
      "--zone=trusted) [ $2 = --change-interface=weave ] && nft insert rule inet firewalld "
      "filter_FORWARD iifname weave accept;;\n"
      "esac\n");
  load_firewalld();
  start();

  const auto found = checks();

  for (const doctor::Check& check : found) {
    EXPECT_NE(check.state, doctor::State::wrong) << check.text;
  }
  EXPECT_TRUE(host.logged("bridge put into firewalld's zone 'trusted'"));
}

TEST_F(FirewalldWatchTest, HasTheBridgeTrustedAgainAfterAReload) {
  write_firewall_cmd(
      "[ $1 = --get-zone-of-interface=weave ] && exit 2\n"
      "nft insert rule inet firewalld filter_FORWARD iifname weave accept\n");
  load_firewalld();
  start();
  const auto trusted = [] {
    return run("nft list table inet firewalld").find("iifname \"weave\" accept") !=
           std::string::npos;
  };
  for (int reloads = 0; reloads < 3; ++reloads) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!trusted() && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_TRUE(trusted());

    run("nft delete table inet firewalld");
    load_firewalld();
  }
}

TEST_F(FirewalldWatchTest, LeavesTheZoneThatTheOperatorChoseAndSaysWhatIsDropped) {
  write_firewall_cmd(
      "[ $1 = --get-zone-of-interface=weave ] && echo public && exit 0\n"
      "touch " +
      (directory_ / "changed").string() + "\n");
  load_firewalld();
  start();

  const auto found = checks();

  EXPECT_EQ(found.at(0).state, doctor::State::wrong);
  EXPECT_NE(found.at(0).remedy.find("--zone=trusted --change-interface=weave"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "changed"));
}

TEST_F(FirewalldWatchTest, SaysThatFirewalldCouldNotBeAsked) {
  write_firewall_cmd("echo FirewallD is not running >&2; exit 252\n");
  load_firewalld();
  start();

  const auto found = checks();

  EXPECT_EQ(found.at(0).state, doctor::State::wrong);
  EXPECT_NE(found.back().text.find("FirewallD is not running"), std::string::npos);
}

}  // namespace
}  // namespace weft::nat
