#pragma once
/// For tests only: the executable weft-cni in real namespaces, with a daemon that a test controls.

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/attachment/attachment.hpp"
#include "runtime/control/protocol.hpp"

namespace weft::cni {

using Json = nlohmann::json;

/// Exit status and standard output; standard error is dropped.
struct Output {
  int status = -1;
  std::string text;
};

inline Output run(const std::string& command) {
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
  /// Whether the last cni.add said that weft-cni makes the interface.
  bool has_port() {
    const std::lock_guard lock(mutex_);
    return has_port_;
  }
  /// By container and interface: "ID/eth0".
  std::map<std::string, std::string> addresses() {
    const std::lock_guard lock(mutex_);
    return addresses_;
  }
  /// As an earlier ADD left it.
  void hold(const std::string& holder, const std::string& address) {
    const std::lock_guard lock(mutex_);
    addresses_[holder] = address;
  }
  /// Answers `command` with an error from now on.
  void refuse(const std::string& command, Errc code) {
    const std::lock_guard lock(mutex_);
    refused_[command] = code;
  }
  /// Guards pods' ports from now on.
  void set_guarding() {
    const std::lock_guard lock(mutex_);
    is_guarding_ = true;
  }
  /// What cni.guard was told, and how the port was at that moment.
  struct Guarded {
    Json params;
    std::string link;
  };
  std::vector<Guarded> guarded() {
    const std::lock_guard lock(mutex_);
    return guarded_;
  }
  /// What cni.attached was told, in order.
  std::vector<Json> attached() {
    const std::lock_guard lock(mutex_);
    return attached_;
  }
  /// Answers the second address, with its gateway, beside each IPv4 address from now on.
  void give_ipv6(const std::string& address, const std::string& gateway) {
    const std::lock_guard lock(mutex_);
    ipv6_ = with_gateway(address, gateway, "::/0");
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
    if (request.command == "cni.guard") {
      guarded_.push_back(
          {params, run("ip link show dev " + params["port"].get<std::string>()).text});
      return "{}";
    }
    if (request.command == "cni.attached") {
      attached_.push_back(params);
      return "{}";
    }
    const std::string holder =
        params["container_id"].get<std::string>() + "/" + params["ifname"].get<std::string>();
    Json network{
        {"mtu", 1376}, {"bridge", bridge_}, {"guard", is_guarding_}, {"addresses", Json::array()}};
    if (request.command == "cni.release") {
      addresses_.erase(holder);
      return "{}";
    }
    if (request.command == "cni.undo") {
      if (params["attempt"] == allocated_by_[holder]) {
        addresses_.erase(holder);
      }
      return "{}";
    }
    if (request.command == "cni.add") {
      has_port_ = params.value("port", false);
      network["attempt"] = ++attempts_;
      const auto next = "10.32.0." + std::to_string(attempts_ + 1) + "/12";
      if (addresses_.try_emplace(holder, next).second) {
        allocated_by_[holder] = attempts_;
      }
    }
    if (request.command == "cni.network") {
      for (const Json& each : params["addresses"]) {
        const bool is_ipv6 = each.get<std::string>().find(':') != std::string::npos;
        network["addresses"].push_back(
            with_gateway(each, is_ipv6 ? "fd00::1" : "10.32.0.1", is_ipv6 ? "::/0" : "0.0.0.0/0"));
      }
    } else if (addresses_.contains(holder)) {
      network["addresses"].push_back(with_gateway(addresses_[holder], "10.32.0.1", "0.0.0.0/0"));
      if (!ipv6_.is_null()) {
        network["addresses"].push_back(ipv6_);
      }
    }
    return network.dump();
  }

  static Json with_gateway(const std::string& address, const std::string& gateway,
                           const std::string& everywhere) {
    return {{"address", address}, {"gateway", gateway}, {"routes", {{{"dst", everywhere}}}}};
  }

  std::string path_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::map<std::string, std::string> addresses_;
  std::map<std::string, std::uint64_t> allocated_by_;
  std::uint64_t attempts_ = 0;
  std::map<std::string, Errc> refused_;
  Json ipv6_;  // null: none
  std::string bridge_ = "weave";
  bool is_guarding_ = false;
  bool has_port_ = false;
  std::vector<Guarded> guarded_;
  std::vector<Json> attached_;
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
               " CNI_NETNS=" + netns_ + " CNI_IFNAME=" + interface_ + " CNI_PATH=" + directory_ +
               " CNI_ARGS='K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-1'" +
               " WEFT_SOCKET=" + socket_ + " " + program + " < " + input);
  }
  static Json config() {
    return {{"cniVersion", "1.0.0"}, {"name", "weave"}, {"type", "weave-net"}};
  }
  std::string in_pod(const std::string& command) {
    return run("ip netns exec " + pod_ + " " + command).text;
  }
  /// The host's end for `container_` and `interface_`.
  std::string port() const { return veth_names({container_, interface_}).host; }
  bool has_host_end() const { return has_link(port()); }
  static bool has_link(const std::string& name) { return run("ip link show " + name).status == 0; }
  static unsigned code_of(const Output& output) {
    const Json json = Json::parse(output.text, nullptr, false);
    return json.is_object() && json.contains("code") ? json["code"].get<unsigned>() : 0;
  }

  std::string unique_ = std::to_string(::getpid());
  std::string pod_ = "wt-cni-pod-" + unique_;
  std::string directory_ = "/tmp/wt-cni-" + unique_;
  std::string socket_ = directory_ + "/weft.sock";
  std::string container_ = "0123456789abcdef";
  std::string interface_ = "eth0";
  std::string netns_ = netns_path();
  std::optional<FakeDaemon> daemon_;
};

}  // namespace weft::cni
