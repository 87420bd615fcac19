/// The sleeve plugin: configuration, service and control command around SleeveOverlay.

#include <netinet/in.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <sodium.h>
#include <nlohmann/json.hpp>

#include <weft/events/node_port.hpp>
#include <weft/lane_queue.hpp>
#include <weft/page.hpp>
#include <weft/plugin.hpp>
#include <weft/service/dataplane.hpp>
#include <weft/service/overlay.hpp>

#include "overlay.hpp"
#include "too_big_listener.hpp"

namespace weft::sleeve {
namespace {

std::string to_json(const std::vector<ConnectionStatus>& connections) {
  auto list = nlohmann::json::array();
  for (const ConnectionStatus& connection : connections) {
    list.push_back({{"remote", to_string(connection.remote)},
                    {"address", connection.address},
                    {"mtu", connection.mtu},
                    {"encrypted", connection.is_encrypted},
                    {"cipher", connection.cipher},
                    {"state", connection.state},
                    {"frames_in", connection.frames_in},
                    {"frames_out", connection.frames_out},
                    {"bytes_in", connection.bytes_in},
                    {"bytes_out", connection.bytes_out}});
  }
  return list.dump();
}

CommandInfo status_command() {
  return {"sleeve.status",
          "The connections that sleeve carries.",
          "list of objects",
          {{"remote", "The peer."},
           {"address", "Of the peer."},
           {"mtu", "Of pods' packets."},
           {"encrypted", "Whether it is."},
           {"cipher", "By what."},
           {"state", "Of the connection."},
           {"frames_in", "So far."},
           {"frames_out", "So far."},
           {"bytes_in", "So far."},
           {"bytes_out", "So far."}}};
}

constexpr std::uint64_t smallest_buffer = 64 << 10;
constexpr std::uint64_t largest_buffer = 512 << 20;

}  // namespace

class Sleeve final : public Plugin {
 public:
  explicit Sleeve(Host& host) : host_(host) {}

  void describe(Schema& schema) override {
    schema.field("receive-buffer", receive_buffer_, "Kernel receive buffer of each socket.");
    schema.field("send-buffer", send_buffer_,
                 "Kernel send buffer of each peer's sockets: more for a peer is dropped.");
  }

  /// What the kernel's options can say, which count in an int and double it.
  Result<> validate() override {
    for (const auto& [field, size] :
         {std::pair("receive-buffer", receive_buffer_), std::pair("send-buffer", send_buffer_)}) {
      if (size.bytes < smallest_buffer || size.bytes > largest_buffer) {
        return fail(Errc::invalid,
                    fmt::format("use '{}': a socket's buffer is from 64KiB to 512MiB", field));
      }
    }
    return {};
  }

  Result<> start() override {
    if (sodium_init() < 0) {
      return fail(Errc::unsupported, "initialise libsodium");
    }
    Dataplane* dataplane = nullptr;
    WEFT_TRY(dataplane, host_.services().require<Dataplane>());
    overlay_ = std::make_unique<SleeveOverlay>(SleeveOverlay::Node{
        host_.node().name, host_.loop(), host_.lanes(), *dataplane, host_.metrics(), host_.log()});
    WEFT_TRY(overlay_->start({host_.node().listen, receive_buffer_.bytes, send_buffer_.bytes}));
    WEFT_TRY(watch_events());
    listen_to_routers();
    WEFT_TRY(status_, host_.control().serve(status_command(), [this](Reply<std::string> answer) {
      answer(to_json(overlay_->describe()));
    }));
    // Source: weaveworks/weave router/sleeve.go, Diagnostics: nothing.
    WEFT_TRY(report_, host_.control().serve(
                          report_addition("Router", "sleeve",
                                          {{"OverlayDiagnostics.sleeve", "Always null."}}),
                          [](Reply<std::string> answer) {
                            answer(std::string(R"({"OverlayDiagnostics":{"sleeve":null}})"));
                          }));
    host_.bus().publish(events::NodePort{"sleeve", IPPROTO_UDP, overlay_->port()});
    host_.log().info("sleeve listening", "port", overlay_->port());
    return host_.services().provide<Overlay>(*overlay_);
  }

  void stop() noexcept override {
    status_ = {};
    report_ = {};
    reports_.clear();
    events_.reset();
    if (overlay_) {
      overlay_->stop();
    }
  }

 private:
  Result<> watch_events() {
    auto events =
        BellListener::open(host_.loop(), overlay_->bell(), [this] { overlay_->drain_events(); });
    if (!events) {
      return tl::unexpected(std::move(events).error());
    }
    events_.emplace(*std::move(events));
    return {};
  }

  /// Without their reports tests find out too, in 3 to 6 s.
  void listen_to_routers() {
    for (const net::Family family : {net::Family::v4, net::Family::v6}) {
      auto socket = overlay::TooBigSocket::open(family, overlay_->port());
      if (socket) {
        reports_.emplace_back(
            host_.loop(), *std::move(socket),
            [this](const overlay::TooBigReport& report) { overlay_->on_too_big_report(report); });
      } else if (family == net::Family::v4) {  // many kernels have no IPv6
        host_.log().warn("narrower paths will be noticed late: reports of routers cannot be read",
                         "error", socket.error(), "needs", "CAP_NET_RAW");
      }
    }
  }

  Host& host_;
  // Joined datagrams count twice their size. With 4 MiB, four TCP streams at full speed lost some.
  ByteSize receive_buffer_{16 << 20};
  // In flight to one peer: half a millisecond at 25 Gbit/s. What waits also delays its heartbeats.
  ByteSize send_buffer_{1 << 20};
  std::unique_ptr<SleeveOverlay> overlay_;
  std::optional<BellListener> events_;
  std::vector<TooBigListener> reports_;
  CommandRegistration status_;
  CommandRegistration report_;
};

}  // namespace weft::sleeve

WEFT_PLUGIN(weft::sleeve::Sleeve)
