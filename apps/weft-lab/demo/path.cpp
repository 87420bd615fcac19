/// Asks hosts, bridges and reports along the path.

#include "path.hpp"

#include <regex>

#include <fmt/format.h>

#include "console/json.hpp"
#include "flow.hpp"
#include "probe.hpp"

namespace weft::lab {

using namespace console;

namespace {

/// The node reaches the pod's MAC through the bridge port that `port` describes.
Result<Check> forwarding_entry(DemoState& state, const LabNode& node, const char* port,
                               const std::string& shown) {
  std::string entry;
  WEFT_TRY(entry,
           output_in(state.lab, node.netns, {"bridge", "fdb", "get", state.p3.mac, "br", "weave"}));
  return shaped(fmt::format("{} dev {} master weave *", state.p3.mac, port),
                fmt::format("{} dev {} master weave", state.p3.mac, shown), entry);
}

/// The frames from p1 to p3.
std::string frames_key(const DemoState& state) {
  return fmt::format("EthernetFlowKey{{src: {}, dst: {}}}", state.p1.mac, state.p3.mac);
}

/// The port in place `index` of the node's report is this one: its number is its place.
Result<Check> port_at(const DemoState& state, const LabNode& node, unsigned index, const char* name,
                      const char* type) {
  Json port;
  WEFT_TRY(port, report_of(state.lab, node,
                           fmt::format(".Router.OverlayDiagnostics.fastdp.Vports[{}]", index)));
  return equal(Json{{"ID", index}, {"Name", name}, {"TypeName", type}}.dump(), port.dump());
}

}  // namespace

Result<Check> route_get(DemoState& state) {
  std::string route;
  WEFT_TRY(route, output_in(state.lab, state.p1.netns, {"ip", "route", "get", state.p3.ip}));
  return equal(fmt::format("{} dev eth0 src {} uid 0 \n    cache ", state.p3.ip, state.p1.ip),
               route);
}

Result<Check> neighbour(DemoState& state) {
  WEFT_TRY(ping(state.lab, state.p1, state.p3.ip, 3, "0.2"));
  std::string entry;
  WEFT_TRY(entry, output_in(state.lab, state.p1.netns, {"ip", "neigh", "show", state.p3.ip}));
  const std::string begin = fmt::format("{} dev eth0 lladdr {} ", state.p3.ip, state.p3.mac);
  return shaped(begin + "(STALE|REACHABLE|DELAY) *", begin + "STALE, REACHABLE or DELAY", entry);
}

Result<Check> remote_mac(DemoState& state) {
  return forwarding_entry(state, state.node(1), "vethwe-[a-z]+", "vethwe-...");
}

Result<Check> local_mac(DemoState& state) {
  return forwarding_entry(state, state.node(3), "vethwepl[0-9a-z]{7}", "vethwepl + 7 characters");
}

Result<Check> pod_link(DemoState& state) {
  std::string link;
  WEFT_TRY(link, output_in(state.lab, state.p3.netns, {"ip", "link", "show", "dev", "eth0"}));
  return shaped(
      "[0-9]+: eth0@if[0-9]+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1376 qdisc noqueue state UP "
      "mode DEFAULT group default *\n *link/ether " +
          state.p3.mac + " brd ff:ff:ff:ff:ff:ff link-netns(id)? .*",
      fmt::format("eth0@ifM: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1376 qdisc noqueue state UP "
                  "mode DEFAULT group default | link/ether {} brd ff:ff:ff:ff:ff:ff link-netns...",
                  state.p3.mac),
      link);
}

Result<Check> remote_mac_behind_datapath(DemoState& state) {
  return forwarding_entry(state, state.node(1), "vethwe-bridge", "vethwe-bridge");
}

Result<Check> datapath_links(DemoState& state) {
  std::string links;
  WEFT_TRY(links, output_in(state.lab, state.node(1).netns, {"ip", "-oneline", "link"}));
  std::string pair;
  for (const std::string& line : lines_of(links)) {
    // Not the port of other overlays, which is no pair: "vethwe-tap:".
    if (std::regex_search(line, std::regex(": vethwe-[a-z]+@"))) {
      pair += line.substr(0, line.find(" mode ")) + "\n";
    }
  }
  const auto link = [](const char* name, const char* peer, const char* master) {
    return fmt::format(
        "[0-9]+: {}@{}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1376 .*master {} state UP\n", name,
        peer, master);
  };
  return shaped(link("vethwe-datapath", "vethwe-bridge", "datapath") +
                    link("vethwe-bridge", "vethwe-datapath", "weave"),
                "vethwe-datapath@vethwe-bridge: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1376 ... "
                "master datapath state UP | vethwe-bridge@vethwe-datapath: "
                "<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1376 ... master weave state UP",
                pair);
}

Result<Check> sending_flow(DemoState& state) {
  std::string id;
  WEFT_TRY(id, tunnel_id_between(state.lab, state.node(1), state.node(3)));
  return check_flow_of(state.lab, state.node(1),
                       {{"InPortFlowKey{vport: 1}", frames_key(state)},
                        {set_tunnel(id, state.node(1), state.node(3)), "OutputAction{vport: 2}"}});
}

Result<Check> tunnel_port(DemoState& state) {
  return port_at(state, state.node(1), 2, "vxlan-6784", "vxlan");
}

Result<Check> receiving_flow(DemoState& state) {
  std::string id;
  WEFT_TRY(id, tunnel_id_between(state.lab, state.node(1), state.node(3)));
  return check_flow_of(
      state.lab, state.node(3),
      {{tunnel_key(id, state.node(1), state.node(3)), "InPortFlowKey{vport: 2}", frames_key(state)},
       {"OutputAction{vport: 1}"}});
}

Result<Check> bridge_port(DemoState& state) {
  return port_at(state, state.node(3), 1, "vethwe-datapath", "netdev");
}

}  // namespace weft::lab
