/// The odp plugin: configuration, services and control command around Fastdp.

#include <net/if.h>
#include <netinet/in.h>

#include <memory>
#include <string>

#include <fmt/format.h>
#include <sodium.h>
#include <nlohmann/json.hpp>

#include <weft/events/node_port.hpp>
#include <weft/page.hpp>
#include <weft/plugin.hpp>

#include "fastdp.hpp"

namespace weft::odp {
namespace {

using nlohmann::ordered_json;

/// Ports and flows in the words of Weave Net's report.
ordered_json diagnostics(const FastdpStatus& status) {
  auto vports = ordered_json::array();
  for (const Vport& port : status.vports) {
    vports.push_back({{"ID", port.number},
                      {"Name", port.name},
                      {"TypeName", std::string(to_string(port.type))}});
  }
  auto flows = ordered_json::array();
  for (const KernelFlow& flow : status.flows) {
    flows.push_back({{"FlowKeys", describe_keys(flow)},
                     {"Actions", describe_actions(flow.actions)},
                     {"Packets", flow.packets},
                     {"Bytes", flow.bytes},
                     {"Used", flow.used_ms}});
  }
  return {{"Vports", std::move(vports)}, {"Flows", std::move(flows)}};
}

std::string to_json(const FastdpStatus& status, std::uint64_t misses) {
  auto connections = ordered_json::array();
  for (const fastdp::SessionStatus& connection : status.connections) {
    connections.push_back({{"Name", to_string(connection.remote)},
                           {"Address", connection.address},
                           {"State", connection.state},
                           {"Encrypted", connection.is_encrypted},
                           {"MTU", connection.mtu}});
  }
  ordered_json json = diagnostics(status);
  json.update({{"FlowMisses", misses},
               {"Connections", std::move(connections)},
               {"UpcallDispatch", status.is_per_cpu ? "per-processor" : "per-port"},
               {"FlowsInstalled", status.counts.installed},
               {"FlowsReplaced", status.counts.replaced},
               {"FlowsDeleted", status.counts.deleted},
               {"FlowsAdopted", status.counts.adopted},
               {"FlowsDisplaced", status.counts.displaced},
               {"FlowsRefused", status.counts.refused}});
  return json.dump();
}

/// Source: weaveworks/weave router/fastdp.go, Diagnostics; router/network_router_status.go.
std::string report_json(const FastdpStatus& status, std::uint64_t misses) {
  ordered_json shown = diagnostics(status);
  for (ordered_json& list : shown) {
    if (list.empty()) {
      list = nullptr;  // as Weave Net writes it
    }
  }
  return ordered_json{{"OverlayDiagnostics", {{"fastdp", std::move(shown)}}},
                      {"Interface", "datapath (via ODP)"},
                      {"CaptureStats", {{"FlowMisses", misses}}}}
      .dump();
}

std::vector<AnswerField> report_fields() {
  return {{"OverlayDiagnostics.fastdp", "Vports and Flows, as odp.status; null: none."},
          {"Interface", "What frames come from: the datapath."},
          {"CaptureStats.FlowMisses", "Packets that had no flow."}};
}

CommandInfo status_command() {
  return {"odp.status",
          "The datapath: ports, flows and tunnels.",
          "object",
          {{"Vports[].ID", "A port's number."},
           {"Vports[].Name", "The port's."},
           {"Vports[].TypeName", "What it is."},
           {"Flows[].FlowKeys", "Which packets it is for."},
           {"Flows[].Actions", "What is done to them."},
           {"Flows[].Packets", "That it was used for."},
           {"Flows[].Bytes", "That it was used for."},
           {"Flows[].Used", "When it was used last, in the kernel's milliseconds."},
           {"FlowMisses", "Packets that had no flow."},
           {"Connections[].Name", "A peer."},
           {"Connections[].Address", "Of the peer."},
           {"Connections[].State", "Of the tunnel."},
           {"Connections[].Encrypted", "Whether by ESP."},
           {"Connections[].MTU", "Of pods' packets."},
           {"UpcallDispatch", "How the kernel chooses a lane: per-processor or per-port."},
           {"FlowsInstalled", "So far."},
           {"FlowsReplaced", "So far."},
           {"FlowsDeleted", "So far."},
           {"FlowsAdopted", "That an earlier process had left."},
           {"FlowsDisplaced", "That made room for others."},
           {"FlowsRefused", "By the kernel."}}};
}

}  // namespace

class Odp final : public Plugin {
 public:
  explicit Odp(Host& host) : host_(host) {}

  void describe(Schema& schema) override {
    schema.field("datapath", datapath_, "Name of the Open vSwitch datapath.");
  }

  Result<> validate() override {
    const std::uint16_t mesh = host_.node().listen.port;
    if (mesh == 0 || mesh == UINT16_MAX) {
      return fail(Errc::invalid,
                  fmt::format("use host.listen = \"{}\": fastdp takes the port after "
                              "it; want one of 1 to 65534",
                              net::to_string(host_.node().listen)));
    }
    if (datapath_ == host_.node().bridge) {
      return fail(Errc::invalid, fmt::format("use datapath = \"{}\": host.bridge has that name; "
                                             "give one of them another",
                                             datapath_));
    }
    const bool is_valid = !datapath_.empty() && datapath_.size() < IFNAMSIZ && datapath_ != "." &&
                          datapath_ != ".." &&
                          datapath_.find_first_of("/: \t\n\v\f\r") == std::string::npos;
    return is_valid
               ? Result<>()
               : fail(Errc::invalid, fmt::format("use datapath = \"{}\": an interface has 1 to {} "
                                                 "characters, no space, ':' or '/'",
                                                 datapath_, IFNAMSIZ - 1));
  }

  Result<> start() override {
    if (sodium_init() < 0) {
      return fail(Errc::unsupported, "initialise libsodium");
    }
    Dataplane* dataplane = nullptr;
    FlowPlanner* planner = nullptr;
    WEFT_TRY(dataplane, host_.services().require<Dataplane>());
    WEFT_TRY(planner, host_.services().require<FlowPlanner>());
    fastdp_ = std::make_unique<Fastdp>(
        Fastdp::Node{host_.node().name, host_.loop(), host_.lanes(), host_.bus(), *dataplane,
                     *planner, host_.metrics(), host_.log(),
                     [this](Error error) { host_.fail(std::move(error)); }},
        Fastdp::Settings{datapath_, port()});
    WEFT_TRY(fastdp_->start());
    host_.bus().publish(events::NodePort{"fastdp", IPPROTO_UDP, port()});
    WEFT_TRY(status_, host_.control().serve(status_command(), [this](Reply<std::string> answer) {
      answer(fastdp_->status().map(
          [this](const FastdpStatus& status) { return to_json(status, fastdp_->misses()); }));
    }));
    WEFT_TRY(report_, host_.control().serve(
                          report_addition("Router", "odp", report_fields()),
                          [this](Reply<std::string> answer) {
                            answer(fastdp_->status().map([this](const FastdpStatus& status) {
                              return report_json(status, fastdp_->misses());
                            }));
                          }));
    WEFT_TRY(host_.services().provide<Datapath>(*fastdp_));
    return host_.services().provide<Overlay>(*fastdp_);
  }

  void stop() noexcept override {
    status_ = {};
    report_ = {};
    if (fastdp_) {
      fastdp_->stop();
    }
  }

 private:
  /// Of the tunnels, as peers expect it.
  [[nodiscard]] std::uint16_t port() const noexcept {
    return static_cast<std::uint16_t>(host_.node().listen.port + 1);
  }

  Host& host_;
  std::string datapath_ = "datapath";
  std::unique_ptr<Fastdp> fastdp_;
  CommandRegistration status_;
  CommandRegistration report_;
};

}  // namespace weft::odp

WEFT_PLUGIN(weft::odp::Odp)
