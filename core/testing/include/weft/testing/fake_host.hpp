#pragma once
/// A simulated node: plugins run in it unchanged, on a SimWorld's time and network.
///
///   SimWorld world;
///   FakeHost host{world, {.nickname = "node1"}};
///   auto& gossip = host.start<gossip::Gossip>("gossip", {{"discovery", false}});
///   world.run_for(31s);
///
/// Tests talk to plugins through `host.bus()`, `host.services()` and `host.call(...)`, on the
/// test's own loop `host.loop()`; `host.as_host()` is a weft::Host for domain classes under test.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/plugin.hpp>
#include <weft/reply.hpp>
#include <weft/testing/fake_lanes.hpp>
#include <weft/testing/memory_store.hpp>
#include <weft/testing/sim_network.hpp>
#include <weft/testing/sim_world.hpp>

namespace weft::testing {

/// Values of configuration fields, by name; unset fields keep their defaults.
using Settings = std::vector<std::pair<std::string, ConfigValue>>;

/// Binds `settings` as the host does. Errors: Errc::invalid for an unknown field or a bad value.
[[nodiscard]] Result<> configure(Plugin& plugin, const Settings& settings);

/// One recorded log line.
struct LogLine {
  LogLevel level;
  std::string plugin;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;
};

/// A node. Its destructor stops the plugins in reverse order and closes their streams, as the end
/// of a process does. Lives shorter than its world.
class FakeHost {
 public:
  /// An unset name or nickname is made up; an unset port to listen on is 6783 of all addresses;
  /// without `addresses` the network assigns one. `disk` is what an earlier incarnation left.
  explicit FakeHost(SimWorld& world, NodeInfo node = {}, std::vector<net::IpAddress> addresses = {},
                    std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>());
  ~FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  /// Creates, configures and starts a plugin on a loop of its own.
  template <class P>
  [[nodiscard]] Result<P*> try_start(std::string name, const Settings& settings = {}) {
    P* typed = nullptr;
    WEFT_TRY(start_with(std::move(name), settings, [&typed](Host& host) {
      auto plugin = std::make_unique<P>(host);
      typed = plugin.get();
      return std::unique_ptr<Plugin>(std::move(plugin));
    }));
    return typed;
  }
  /// The same for plugins that are expected to start.
  template <class P>
  P& start(std::string name, const Settings& settings = {}) {
    auto started = try_start<P>(std::move(name), settings);
    if (!started) {
      check_failed(started.error().message());
    }
    return **started;
  }
  template <class P>
  P& start(const Settings& settings = {}) {
    return start<P>("plugin", settings);
  }

  /// Stops every plugin, in reverse order of starting.
  void stop();
  /// Stops the plugin that was started as `name` and tells whoever follows what it provided, as
  /// `weft reload` does. The plugin object is gone afterwards.
  void stop(std::string_view name);

  [[nodiscard]] SimWorld& world() noexcept { return world_; }
  [[nodiscard]] const NodeInfo& node() const noexcept { return node_; }
  [[nodiscard]] const std::vector<net::IpAddress>& addresses() const noexcept { return addresses_; }
  [[nodiscard]] const net::IpAddress& address() const noexcept { return addresses_.front(); }
  [[nodiscard]] const std::shared_ptr<MemoryDisk>& disk() const noexcept { return disk_; }
  [[nodiscard]] FakeLanes& lanes() noexcept { return lanes_; }
  [[nodiscard]] Metrics& metrics() noexcept;

  /// The test's own seat at this node.
  [[nodiscard]] Host& as_host() noexcept;
  [[nodiscard]] SimLoop& loop() noexcept;
  [[nodiscard]] Bus& bus() noexcept { return as_host().bus(); }
  [[nodiscard]] Services& services() noexcept { return as_host().services(); }

  /// Runs the world until the reply that `ask` was given is answered. Errc::timeout after `limit`.
  template <class T = void>
  [[nodiscard]] Result<T> await(std::type_identity_t<UniqueFunction<void(Reply<T>)>> ask,
                                Duration limit = std::chrono::seconds{60}) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    loop().run(
        [&] { ask(Reply<T>(loop(), [answer](Result<T> got) { *answer = std::move(got); })); });
    world_.run_until([&] { return answer->has_value(); }, limit);
    return answer->has_value() ? std::move(**answer) : fail(Errc::timeout, "get an answer");
  }

  /// Calls a control command that a plugin serves, and waits for its answer. Its parameters are
  /// validated as in a real node.
  [[nodiscard]] Result<std::string> call(std::string command, std::string params = "{}",
                                         Duration limit = std::chrono::seconds{60});

  [[nodiscard]] const std::vector<LogLine>& log_lines() const noexcept { return log_lines_; }
  [[nodiscard]] bool logged(std::string_view message) const noexcept;
  /// What plugins reported through Host::fail, in order.
  [[nodiscard]] const std::vector<Error>& failures() const noexcept { return failures_; }

 private:
  class Seat;
  struct Shared;  // bus, services and metrics
  using Create = UniqueFunction<std::unique_ptr<Plugin>(Host&)>;
  struct Command {
    Seat* seat = nullptr;
    std::shared_ptr<UniqueFunction<std::unique_ptr<CommandCall>()>> begin;
  };

  Result<> start_with(std::string name, const Settings& settings, Create create);
  Seat& add_seat(std::string name);

  SimWorld& world_;
  NodeInfo node_;
  std::vector<net::IpAddress> addresses_;
  std::shared_ptr<MemoryDisk> disk_;
  MemoryStore store_;
  std::unique_ptr<Shared> shared_;
  FakeLanes lanes_{[this] { return world_.now(); }};
  std::vector<LogLine> log_lines_;
  std::vector<Error> failures_;
  std::map<std::string, Command> commands_;
  std::vector<std::unique_ptr<Seat>> seats_;  // the test's own first; plugins in start order
};

}  // namespace weft::testing
