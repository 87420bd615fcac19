/// Puts together what plugins share, and takes it apart in the reverse order.

#include "runtime/host/node_core.hpp"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>

#include <fmt/core.h>

#include "runtime/control/stream.hpp"
#include "runtime/host/bus_follow.hpp"
#include "runtime/host/processors.hpp"

namespace weft::host {
namespace {

Result<> make_directory(const std::string& path, std::string_view field) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return tl::unexpected(Error{error, fmt::format("make directory '{}' ({})", path, field)});
  }
  return {};
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

NodeInfo node_info(const config::HostConfig& config, PeerName name) {
  return {name,
          config.nickname.empty() ? host_name() : config.nickname,
          config.state_directory,
          config.run_directory,
          config.listen,
          config.bridge};
}

}  // namespace

NodeCore::NodeCore(const config::HostConfig& config, PeerName name,
                   std::shared_ptr<MainLoop> main_loop)
    : info(node_info(config, name)),
      main(std::move(main_loop)),
      logs(config.log_level),
      lanes(config.lanes != 0 ? config.lanes
                              : LaneSet::default_count(usable_processors(
                                    std::thread::hardware_concurrency(), cgroup_processors())),
            blocking),
      bus(metrics),
      loop("host", blocking,
           [this](Error error) { log("host").error("host handler failed", "error", error); }),
      control(loop, log("control"), config.control_socket),
      store(config.state_directory + "/weft.db", loop) {}

NodeCore::~NodeCore() = default;

Result<> NodeCore::open(const BuiltInParts& parts) {
  WEFT_TRY(make_directory(info.state_directory, "host.state-directory"));
  WEFT_TRY(make_directory(info.run_directory, "host.run-directory"));
  WEFT_TRY(store.open());
  WEFT_TRY(lanes.start());
  loop.start();
  bus_view_ = bus.view("host", loop);
  services_view_ = services.view("host", loop, std::nullopt);
  Result<> provided;
  run_on_loop([&] { provided = provide(parts); });
  return provided;
}

Result<> NodeCore::provide(const BuiltInParts& parts) {
  control_view_ = std::make_unique<control::ControlView>(control.view(loop));
  inspection_ = std::make_unique<Inspection>(lanes, metrics);
  control.serve_stream(follow_command(bus, *bus_view_, loop));
  WEFT_TRY(inspection_->serve(*control_view_));
  WEFT_TRY(services_view_->provide<Store>(store));
  WEFT_TRY(services_view_->provide<MetricsReader>(metrics));
  for (const BuiltInPart& part : parts) {
    parts_.push_back(
        part.make({info, lanes, loop, *bus_view_, *services_view_, metrics, *control_view_,
                   [this](const std::string& name) -> Log& { return log(name); }}));
    WEFT_TRY(parts_.back()->start());
  }
  return {};
}

Result<> NodeCore::open_control_socket() {
  Result<> opened;
  run_on_loop([&] { opened = control.start(); });
  return opened;
}

void NodeCore::close_control_socket() {
  run_on_loop([this] { control.stop(); });
}

void NodeCore::close() {
  services_view_->withdraw();
  run_on_loop([this] {
    while (!parts_.empty()) {
      parts_.pop_back();
    }
    inspection_.reset();
  });
  lanes.stop();
  lanes.drain_retired();  // before any plugin's code goes away
  loop.close();
  loop.join();
  bus_view_.reset();
}

void NodeCore::run_on_loop(Task task) {
  const auto done = std::make_shared<std::promise<void>>();  // outlives set_value's last step
  loop.post([done, task = std::move(task)]() mutable {
    task();
    done->set_value();
  });
  done->get_future().wait();
}

}  // namespace weft::host
