/// Seats for plugins at a simulated node.

#include <weft/testing/fake_host.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

#include "runtime/bus/bus_core.hpp"
#include "runtime/control/parameters.hpp"
#include "runtime/metrics/registry.hpp"
#include "runtime/service/registry.hpp"

namespace weft::testing {

struct FakeHost::Shared {
  MetricRegistry metrics;
  BusCore bus{metrics};
  ServiceRegistry services;
};

Result<> configure(Plugin& plugin, const Settings& settings) {
  Schema schema;
  plugin.describe(schema);
  for (const auto& [name, value] : settings) {
    const auto& fields = schema.fields();
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const ConfigField& known) { return known.name == name; });
    if (field == fields.end()) {
      return fail(Errc::invalid, fmt::format("configure '{}': there is no such field", name));
    }
    WEFT_TRY(field->assign(value));
  }
  return plugin.validate();
}

/// One plugin's host: its loop, its transport and its views of what the node shares.
class FakeHost::Seat final : public Host, private Log, private Control {
 public:
  Seat(FakeHost& node, std::string name)
      : node_(node),
        name_(std::move(name)),
        loop_(node.world_.add_loop(node.node_.nickname + "/" + name_)),
        transport_(node.world_, loop_, node.addresses_),
        bus_(node.shared_->bus.view(name_, loop_)),
        services_(node.shared_->services.view(name_, loop_, std::nullopt)) {}

  [[nodiscard]] Result<> start(const Settings& settings, Create& create) {
    Result<> result;
    loop_.run([&] {
      plugin_ = create(*this);
      result = configure(*plugin_, settings);
      if (result) {
        result = plugin_->start();
      }
    });
    return result;
  }

  void withdraw() noexcept { services_->withdraw(); }

  void stop() noexcept {
    withdraw();
    loop_.run([this] {
      if (plugin_) {
        plugin_->stop();
        plugin_.reset();
      }
    });
    loop_.close();
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] SimLoop& sim_loop() noexcept { return loop_; }

  [[nodiscard]] Loop& loop() noexcept override { return loop_; }
  [[nodiscard]] Transport& transport() noexcept override { return transport_; }
  [[nodiscard]] Bus& bus() noexcept override { return *bus_; }
  [[nodiscard]] Services& services() noexcept override { return *services_; }
  [[nodiscard]] Log& log() noexcept override { return *this; }
  [[nodiscard]] Metrics& metrics() noexcept override { return node_.shared_->metrics; }
  [[nodiscard]] Lanes& lanes() noexcept override { return node_.lanes_; }
  [[nodiscard]] Control& control() noexcept override { return *this; }
  [[nodiscard]] const NodeInfo& node() const noexcept override { return node_.node_; }

  void fail(Error error) noexcept override {
    node_.failures_.push_back(std::move(error));
    loop_.post([this] { stop(); });
  }

 private:
  struct Registration final : CommandRegistration::Node {
    Registration(FakeHost& at, std::string command) : node(at), name(std::move(command)) {}
    ~Registration() override { node.commands_.erase(name); }
    FakeHost& node;
    std::string name;
  };

  [[nodiscard]] Result<CommandRegistration> serve_erased(CommandInfo info, Begin begin) override {
    const auto [at, is_new] = node_.commands_.try_emplace(
        info.name, Command{this, std::make_shared<Begin>(std::move(begin))});
    if (!is_new) {
      return weft::fail(Errc::conflict, "serve command '" + info.name + "' twice");
    }
    return CommandRegistration{std::make_unique<Registration>(node_, std::move(info.name))};
  }

  [[nodiscard]] bool is_enabled(LogLevel level) const noexcept override {
    return level >= LogLevel::info;
  }

  void write(LogLevel level, std::string_view message,
             std::span<const LogField> fields) noexcept override {
    LogLine& line = node_.log_lines_.emplace_back(LogLine{level, name_, std::string(message), {}});
    for (const LogField& field : fields) {
      line.fields.emplace_back(field.name, field.value);
    }
    if (std::getenv("WEFT_TEST_LOG") != nullptr) {
      std::string text = fmt::format("{:.6f} {}: {}",
                                     std::chrono::duration<double>(node_.world_.elapsed()).count(),
                                     loop_.name(), message);
      for (const LogField& field : fields) {
        text += fmt::format(" {}={}", field.name, field.value);
      }
      std::fprintf(stderr, "%s\n", text.c_str());
    }
  }

  FakeHost& node_;
  const std::string name_;
  SimLoop& loop_;
  SimTransport transport_;
  std::unique_ptr<BusView> bus_;
  std::unique_ptr<ServicesView> services_;
  std::unique_ptr<Plugin> plugin_;
};

FakeHost::FakeHost(SimWorld& world, NodeInfo node, std::vector<net::IpAddress> addresses,
                   std::shared_ptr<MemoryDisk> disk)
    : world_(world),
      node_(std::move(node)),
      addresses_(std::move(addresses)),
      disk_(std::move(disk)),
      store_(disk_),
      shared_(std::make_unique<Shared>()) {
  if (addresses_.empty()) {
    addresses_.push_back(world_.network().next_address());
  }
  if (node_.name == unknown_peer) {
    constexpr std::uint64_t locally_administered = 0x020000000000U;
    node_.name = PeerName{locally_administered | addresses_.front().v4_value()};
  }
  if (node_.nickname.empty()) {
    node_.nickname = "node-" + to_string(addresses_.front());
  }
  if (node_.listen.port == 0) {
    node_.listen = {net::IpAddress{net::Family::v6, {}}, 6783};
  }
  if (node_.bridge.empty()) {
    node_.bridge = "weave";
  }
  Seat& test = add_seat("test");
  const Result<> provided = test.services().provide<Store>(store_).and_then(
      [&] { return test.services().provide<MetricsReader>(shared_->metrics); });
  if (!provided) {
    check_failed(provided.error().message());
  }
}

FakeHost::~FakeHost() {
  stop();
}

FakeHost::Seat& FakeHost::add_seat(std::string name) {
  const auto is_taken = [&](const auto& seat) { return seat->name() == name; };
  if (std::any_of(seats_.begin(), seats_.end(), is_taken)) {
    name += fmt::format("-{}", seats_.size());
  }
  return *seats_.emplace_back(std::make_unique<Seat>(*this, std::move(name)));
}

Result<> FakeHost::start_with(std::string name, const Settings& settings, Create create) {
  const auto before = shared_->services.providers();
  Seat& seat = add_seat(std::move(name));
  Result<> started = seat.start(settings, create);
  if (!started) {
    seat.stop();
    return started;
  }
  std::vector<std::string> provided;
  for (const auto& [service, providers] : shared_->services.providers()) {
    const auto known = before.find(service);
    if (known == before.end() || known->second != providers) {
      provided.push_back(service);
    }
  }
  shared_->services.tell_followers(provided);
  return started;
}

void FakeHost::stop(std::string_view name) {
  const auto seat =
      std::ranges::find_if(seats_, [&](const auto& other) { return other->name() == name; });
  WEFT_CHECK(seat != seats_.end(), "a test stops plugins that it started");
  std::vector<std::string> provided;
  for (const auto& [service, providers] : shared_->services.providers()) {
    if (std::ranges::find(providers, name) != providers.end()) {
      provided.push_back(service);
    }
  }
  (*seat)->withdraw();
  auto let_go = std::make_shared<bool>(false);
  shared_->services.tell_followers(provided,
                                   ServiceHold(let_go.get(), [let_go](void*) { *let_go = true; }));
  world_.run_until([&] { return *let_go; }, std::chrono::seconds{5});
  (*seat)->stop();
}

Metrics& FakeHost::metrics() noexcept {
  return shared_->metrics;
}

void FakeHost::stop() {
  for (auto seat = seats_.rbegin(); seat != seats_.rend(); ++seat) {
    (*seat)->stop();
  }
}

Host& FakeHost::as_host() noexcept {
  return *seats_.front();
}

SimLoop& FakeHost::loop() noexcept {
  return seats_.front()->sim_loop();
}

Result<std::string> FakeHost::call(std::string command, std::string params, Duration limit) {
  const auto found = commands_.find(command);
  if (found == commands_.end()) {
    return fail(Errc::not_found, "call command '" + command + "'");
  }
  return await<std::string>(
      [&](Reply<std::string> reply) {
        found->second.seat->sim_loop().post([begin = found->second.begin,
                                             params = std::move(params),
                                             reply = std::move(reply)]() mutable {
          (void)control::run_command(*(*begin)(), params, std::move(reply));
        });
      },
      limit);
}

bool FakeHost::logged(std::string_view message) const noexcept {
  return std::any_of(log_lines_.begin(), log_lines_.end(),
                     [&](const LogLine& line) { return line.message == message; });
}

}  // namespace weft::testing
