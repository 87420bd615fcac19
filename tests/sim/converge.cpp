/// The scenario "converge".

#include "converge.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "invariants.hpp"

namespace weft::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t full_mesh_limit = 12;  // larger clusters know only their direct peers
constexpr Duration birth = 10s;
constexpr Duration suffering = 60s;
constexpr Duration partition = 90s;
constexpr Duration peace_limit = 30min;  // the longest back-off is nine minutes
constexpr Duration check_period = 5s;

class Converge {
 public:
  Converge(std::size_t nodes, std::uint64_t seed) : cluster_(seed), seed_(seed), size_(nodes) {}

  Outcome run() {
    make_nodes();
    cluster_.world.run_for(birth);
    suffer();
    split();
    const bool is_quiet = make_peace();
    Outcome outcome{check_all(cluster_), {}, cluster_.world.digest()};
    if (!is_quiet && outcome.violations.empty()) {
      outcome.violations.push_back("agreement came and went");
    }
    outcome.summary = fmt::format(
        "{} nodes={} seed={} addresses={} events={} virtual={:.0f}s converged-after={:.0f}s "
        "hash={:016x}",
        outcome.violations.empty() ? "ok" : "FAILED", size_, seed_, cluster_.addresses.size(),
        cluster_.world.event_count(), seconds(cluster_.world.elapsed()), seconds(peace_took_),
        outcome.digest);
    return outcome;
  }

 private:
  static double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
  }

  [[nodiscard]] Node& node(std::size_t index) { return *cluster_.nodes[index]; }

  /// Every node after the first knows an earlier one, which connects the cluster, and some others.
  void make_nodes() {
    auto& network = cluster_.world.network();
    for (std::size_t i = 0; i < size_; ++i) {
      cluster_.nodes.push_back(std::make_unique<Node>(cluster_.world, i));
      peers_.emplace_back();
      if (i > 0) {
        link(i, cluster_.pick(i));
      }
    }
    for (std::size_t extra = 0; extra < size_; ++extra) {
      link(cluster_.pick(size_), cluster_.pick(size_));
    }
    for (std::size_t a = 0; a < size_; ++a) {
      for (std::size_t b = a + 1; b < size_; ++b) {
        network.set_delay(node(a).address(), node(b).address(),
                          {std::chrono::microseconds{100 + cluster_.pick(20'000)},
                           std::chrono::microseconds{cluster_.pick(5'000)}});
        if (!links_.contains({a, b}) && cluster_.pick(3) == 0) {
          network.block(node(a).address(), node(b).address());
          if (cluster_.pick(2) == 0) {  // else one way only, as a bad firewall does
            network.block(node(b).address(), node(a).address());
          }
          for_ever_blocked_.push_back({a, b});
        }
      }
    }
    for (std::size_t i = 0; i < size_; ++i) {
      cluster_.world.schedule(std::chrono::milliseconds{cluster_.pick(5'000)}, nullptr,
                              [this, i] { start(i); });
    }
  }

  void link(std::size_t a, std::size_t b) {
    if (a != b && links_.insert(std::minmax(a, b)).second) {
      peers_[a].push_back(net::to_string(node(b).address()));
    }
  }

  void start(std::size_t index) {
    node(index).start(peers_[index], size_ <= full_mesh_limit, size_);
  }

  void allocate(std::size_t index) {
    const std::string owner = fmt::format("{}-{}", node(index).nickname(), next_owner_++);
    auto& host = node(index).host();
    node(index).ipam().allocate(
        owner, {}, {host.loop(), [this, owner](const Result<std::vector<AllocatedAddress>>& got) {
                      if (got) {
                        cluster_.addresses.given(got->at(0).address, owner, cluster_.violations);
                        owners_.push_back(owner);
                      }
                    }});
  }

  /// The address counts as free only after the node says so.
  void release_one() {
    if (owners_.empty()) {
      return;
    }
    const std::size_t at = cluster_.pick(owners_.size());
    const std::string owner = owners_[at];
    const std::size_t index = std::stoul(owner.substr(4)) - 1;  // "nodeN-k"
    if (!node(index).is_running()) {
      return;
    }
    owners_.erase(owners_.begin() + static_cast<std::ptrdiff_t>(at));
    cluster_.addresses.released(owner);
    node(index).ipam().release(owner, Reply<>(node(index).host().loop(), [](const Result<>&) {}));
  }

  void work() {
    const std::size_t index = cluster_.pick(size_);
    if (node(index).is_running()) {
      allocate(index);
    }
    if (cluster_.pick(3) == 0) {
      release_one();
    }
  }

  /// Resets, silent cuts of one or both directions, and restarts.
  void suffer() {
    auto& network = cluster_.world.network();
    for (Duration spent{0}; spent < suffering; spent += 500ms) {
      const auto [a, b] =
          *std::next(links_.begin(), static_cast<std::ptrdiff_t>(cluster_.pick(links_.size())));
      switch (cluster_.pick(4)) {
        case 0:
          network.reset_streams(node(a).address(), node(b).address());
          break;
        case 1:
          cut_for(node(a).address(), node(b).address());
          break;
        case 2:
          cut_for(node(a).address(), node(b).address());
          cut_for(node(b).address(), node(a).address());
          break;
        default:
          if (cluster_.pick(4) == 0) {
            restart(cluster_.pick(size_));
          }
          break;
      }
      work();
      cluster_.world.run_for(500ms);
    }
  }

  void cut_for(const net::IpAddress& from, const net::IpAddress& to) {
    auto& network = cluster_.world.network();
    network.block(from, to);
    cluster_.world.schedule(std::chrono::milliseconds{100 + cluster_.pick(5'000)}, nullptr,
                            [&network, from, to] { network.unblock(from, to); });
  }

  void restart(std::size_t index) {
    if (!node(index).is_running()) {
      return;
    }
    node(index).stop();
    cluster_.world.schedule(std::chrono::milliseconds{cluster_.pick(3'000)}, nullptr,
                            [this, index] { start(index); });
  }

  /// Two halves that do not hear each other; both go on allocating.
  void split() {
    testing::SimNetwork::Group left;
    testing::SimNetwork::Group right;
    for (std::size_t i = 0; i < size_; ++i) {
      (cluster_.pick(2) == 0 ? left : right).push_back(node(i).address());
    }
    cluster_.world.run_for(10s);  // what suffer() left behind ends
    cluster_.world.network().partition(left, right);
    for (Duration spent{0}; spent < partition; spent += 1s) {
      work();
      cluster_.world.run_for(1s);
    }
    for (const auto& a : left) {
      for (const auto& b : right) {
        cluster_.world.network().unblock(a, b);
        cluster_.world.network().unblock(b, a);
      }
    }
    for (const auto& [a, b] : for_ever_blocked_) {
      cluster_.world.network().partition({node(a).address()}, {node(b).address()});
    }
  }

  /// Waits until everything holds twice in a row.
  bool make_peace() {
    const TimePoint begin = cluster_.world.now();
    unsigned agreements = 0;
    while (agreements < 2 && cluster_.world.now() - begin < peace_limit) {
      cluster_.world.run_for(check_period);
      agreements = check_all(cluster_).empty() ? agreements + 1 : 0;
      if (!cluster_.violations.empty()) {
        break;
      }
    }
    peace_took_ = cluster_.world.now() - begin;
    return agreements == 2;
  }

  Cluster cluster_;
  const std::uint64_t seed_;
  const std::size_t size_;
  std::set<Pair> links_;  // configured, and never blocked for good
  std::vector<Pair> for_ever_blocked_;
  std::vector<std::vector<std::string>> peers_;
  std::vector<std::string> owners_;
  std::uint64_t next_owner_ = 0;
  Duration peace_took_{0};
};

}  // namespace

Outcome converge(std::size_t nodes, std::uint64_t seed) {
  return Converge(nodes, seed).run();
}

}  // namespace weft::sim
