/// What an operator waits for. Budget: a node with all our plugins is ready 300 ms after its
/// process began, in a network namespace of its own.

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "budget.hpp"

namespace weft::bench {
namespace {

constexpr int patience_ms = 20'000;

/// A directory with a configuration that lists every plugin of a router, and a socket for weftd's
/// word that it is ready.
class Site {
 public:
  Site() {
    std::string pattern = std::filesystem::temp_directory_path() / "weft-start-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    std::ofstream(directory_ + "/weft.toml") << fmt::format(
        "[host]\nplugins = [\"gossip\", \"ipam\", \"sleeve\", \"bridge\", \"nat-nft\", \"cni\"]\n"
        "plugin-path = [\"{0}\"]\nname = \"::1\"\nnickname = \"bench\"\nlog-level = \"warn\"\n"
        "state-directory = \"{1}/state\"\nrun-directory = \"{1}/run\"\n",
        WEFT_BINARY_DIR "/plugins-out", directory_);
    notify_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory_ + "/notify").copy(address.sun_path, sizeof address.sun_path - 1);
    is_ready_ = bind(notify_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Site() {
    close(notify_);
    std::filesystem::remove_all(directory_);
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }

  [[nodiscard]] pid_t launch() const {
    const std::string config = directory_ + "/weft.toml";
    const pid_t child = fork();
    if (child == 0) {
      setenv("NOTIFY_SOCKET", (directory_ + "/notify").c_str(), 1);
      execl(WEFT_BINARY_DIR "/bin/weftd", "weftd", "--config", config.c_str(), nullptr);
      _exit(127);
    }
    return child;
  }

  /// True once weftd said READY=1.
  [[nodiscard]] bool await_ready() const {
    pollfd ready{notify_, POLLIN, 0};
    std::string text(64, '\0');
    while (poll(&ready, 1, patience_ms) == 1) {
      const ssize_t got = recv(notify_, text.data(), text.size(), 0);
      if (got > 0 && text.starts_with("READY=1")) {
        return true;
      }
    }
    return false;
  }

 private:
  std::string directory_;
  int notify_ = -1;
  bool is_ready_ = false;
};

bool enter_own_network() {
  return unshare(CLONE_NEWNET) == 0 && std::system("ip link set lo up") == 0;
}

void start_node_with_all_plugins(benchmark::State& state) {
  if (!enter_own_network()) {
    state.SkipWithError("a network namespace needs root");
    return;
  }
  Samples samples;
  for (auto _ : state) {
    const Site site;
    const auto begin = std::chrono::steady_clock::now();
    const pid_t child = site.launch();
    const bool is_ready = site.is_ready() && site.await_ready();
    samples.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    kill(child, SIGTERM);
    waitpid(child, nullptr, 0);
    if (!is_ready) {
      state.SkipWithError("weftd did not become ready");
      return;
    }
  }
  state.counters["slowest_ms"] = samples.quantile(1) * 1e3;
  hold_to(state, "p50", samples.quantile(0.5) * 1e3, 300, "ms");
}
BENCHMARK(start_node_with_all_plugins)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(10);

}  // namespace
}  // namespace weft::bench
