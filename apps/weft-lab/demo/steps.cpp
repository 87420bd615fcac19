/// The steps: pods' network (B), a packet's path (C), masquerading (D), partial connectivity (E).

#include "steps.hpp"

#include <array>
#include <map>
#include <regex>

#include <fmt/format.h>

#include "console/json.hpp"
#include "cut.hpp"
#include "path.hpp"
#include "probe.hpp"

namespace weft::lab {

using namespace console;

namespace {

Result<DemoPod> attach(Lab& lab, const std::string& name, const LabNode& node) {
  LabPod pod;
  WEFT_TRY(pod, lab.add_pod(name, node.name));
  DemoPod attached{name, lab.plan().pod_netns(name), node.name,
                   pod.address.substr(0, pod.address.find('/')), ""};
  WEFT_TRY(attached.mac, output_in(lab, attached.netns, {"cat", "/sys/class/net/eth0/address"}));
  return attached;
}

Result<Check> encryption(DemoState& state) {
  std::size_t connections = 0;
  std::size_t encrypted = 0;
  for (const LabNode& node : state.lab.plan().nodes) {
    std::string text;
    WEFT_TRY(text, state.lab.ask(node, "mesh.connections"));
    Json list;
    WEFT_TRY(list, parse_json(text, "connections"));
    for (const Json& connection : list) {
      connections += text_of(connection, "State") == "established" ? 1 : 0;
      encrypted += is_true(member(connection, "Attrs"), "encrypted") ? 1 : 0;
    }
  }
  const std::size_t nodes = state.lab.plan().nodes.size();
  const std::size_t wanted = state.lab.is_encrypted() ? nodes * (nodes - 1) : 0;
  return equal(fmt::format("{} established, {} encrypted", nodes * (nodes - 1), wanted),
               fmt::format("{} established, {} encrypted", connections, encrypted));
}

Result<Check> pod_routes(DemoState& state) {
  std::string bridge;
  WEFT_TRY(bridge, bridge_address(state.lab, state.node(1)));
  std::string routes;
  WEFT_TRY(routes, output_in(state.lab, state.p1.netns, {"ip", "route"}));
  return equal(fmt::format("default via {} dev eth0 \n{} dev eth0 proto kernel scope link src {} ",
                           bridge, pod_network, state.p1.ip),
               routes);
}

Result<Check> node_routes(DemoState& state) {
  const LabNode& node = state.node(2);
  std::string bridge;
  WEFT_TRY(bridge, bridge_address(state.lab, node));
  std::string routes;
  WEFT_TRY(routes, output_in(state.lab, node.netns, {"ip", "route"}));
  return equal(fmt::format("default via {} dev eth0 \n"
                           "{} dev weave proto kernel scope link src {} \n"
                           "{} dev eth0 proto kernel scope link src {} ",
                           state.lab.plan().gateway4, pod_network, bridge,
                           state.lab.plan().underlay, node.ipv4),
               routes);
}

Result<Check> way_outside(DemoState& state) {
  std::string bridge;
  WEFT_TRY(bridge, bridge_address(state.lab, state.node(1)));
  std::string route;
  WEFT_TRY(route,
           output_in(state.lab, state.p1.netns, {"ip", "route", "get", state.lab.plan().outside}));
  std::string forward;
  WEFT_TRY(forward,
           output_in(state.lab, state.node(1).netns, {"sysctl", "-n", "net.ipv4.ip_forward"}));
  return equal(fmt::format("{} via {} dev eth0 src {} uid 0 \n    cache \nip_forward 1",
                           state.lab.plan().outside, bridge, state.p1.ip),
               route + "\nip_forward " + forward);
}

Result<Check> masquerade_rules(DemoState& state) {
  std::string table;
  WEFT_TRY(table, output_in(state.lab, state.node(1).netns,
                            {"nft", "--stateless", "list", "table", "ip", "weave"}));
  std::string observed;
  bool is_inside = false;
  for (std::string line : lines_of(table)) {
    line.erase(0, line.find_first_not_of('\t'));
    is_inside = is_inside ? line != "}" : line == "chain postrouting {";
    const bool is_rule = is_inside && !line.starts_with("chain ") && !line.starts_with("type ");
    observed += is_rule ? line + "\n" : "";
  }
  const std::string shape =
      R"re(ip daddr @\S+ counter return comment "Prevent SNAT to locally running containers"
ip saddr NET ip daddr 224\.0\.0\.0/4 counter return
ip saddr != NET ip daddr NET counter masquerade( random| fully-random)?
ip saddr NET ip daddr != NET counter masquerade( random| fully-random)?
)re";
  const std::string network =
      std::regex_replace(std::string(pod_network), std::regex("\\."), "\\.");
  return shaped(std::regex_replace(shape, std::regex("NET"), network),
                "return to local ranges | return multicast | masquerade into the pod network | "
                "masquerade out of it",
                observed);
}

/// Counts what reaches a namespace by its source address, while something is pinged.
Result<std::string> count_sources(DemoState& state, const std::string& netns,
                                  const std::string& destination,
                                  const std::vector<std::string>& sources) {
  std::string rules =
      "add table ip weft-demo\ndelete table ip weft-demo\nadd table ip weft-demo\n"
      "add chain ip weft-demo input { type filter hook input priority 0; }\n";
  for (const std::string& source : sources) {
    rules += fmt::format(
        "add rule ip weft-demo input ip saddr {0} ip daddr {1} icmp type echo-request counter "
        "comment \"{0}\"\n",
        source, destination);
  }
  WEFT_TRY(run_ok({Lab::inside(netns, {"nft", "-f", "-"}), rules, {}}, state.lab.is_verbose()));
  WEFT_TRY(ping(state.lab, state.p1, destination, 5, "0.2"));
  std::string listing;
  WEFT_TRY(listing, output_in(state.lab, netns, {"nft", "list", "table", "ip", "weft-demo"}));
  WEFT_TRY(run_ok({Lab::inside(netns, {"nft", "delete", "table", "ip", "weft-demo"}), {}, {}},
                  state.lab.is_verbose()));
  std::string counted;
  for (const std::string& source : sources) {
    counted += fmt::format("{}{} from {}", counted.empty() ? "" : ", ", packets_of(listing, source),
                           source);
  }
  return counted;
}

Result<Check> source_addresses(DemoState& state) {
  const std::vector<std::string> sources{state.node(1).ipv4, state.p1.ip};
  std::string outside;
  WEFT_TRY(outside, count_sources(state, state.lab.plan().underlay_netns, state.lab.plan().outside,
                                  sources));
  std::string pod;
  WEFT_TRY(pod, count_sources(state, state.p3.netns, state.p3.ip, sources));
  return equal(fmt::format("outside sees 5 from {0}, 0 from {1}; p3 sees 0 from {0}, 5 from {1}",
                           sources[0], sources[1]),
               "outside sees " + outside + "; p3 sees " + pod);
}

/// The overlay that carries every connection: the one that the connections show.
Result<Check> overlay_in_use(DemoState& state) {
  std::map<std::string, unsigned> overlays;
  WEFT_TRY(overlays, settled_overlays(state.lab));
  state.is_fast = overlays.size() == 1 && overlays.contains("fastdp");
  std::string observed;
  for (const auto& [overlay, count] : overlays) {
    observed += fmt::format("{}{} by {}", observed.empty() ? "" : ", ", count, overlay);
  }
  const std::size_t nodes = state.lab.plan().nodes.size();
  const std::size_t all = nodes * (nodes - 1);
  if (state.lab.is_encrypted()) {  // not every overlay can do that
    return Check{overlays.size() == 1 && overlays.begin()->second == all,
                 fmt::format("{} by one overlay", all), observed};
  }
  return equal(fmt::format("{} by fastdp", all), observed);
}

using enum DemoStep::When;

constexpr std::array steps{
    DemoStep{"A", "every node is connected to every other, encrypted if asked", encryption},
    DemoStep{"A2", "the fast path carries the connections", overlay_in_use, with_fast_path},
    DemoStep{"B1", "a pod routes everything over eth0, by the node's bridge", pod_routes},
    DemoStep{"B2", "a node has one route for all pods", node_routes},
    DemoStep{"C1", "p1 finds p3 on its own link", route_get},
    DemoStep{"C2", "p1 learns p3's own MAC: ARP crosses the overlay", neighbour},
    DemoStep{"C3", "node1's bridge learned that MAC behind the overlay", remote_mac, on_other},
    DemoStep{"C3", "node1's bridge learned that MAC behind the datapath",
             remote_mac_behind_datapath, on_fast_path},
    DemoStep{"C4", "a pair of links joins the bridge and the datapath", datapath_links,
             on_fast_path},
    DemoStep{"C5", "node1's kernel sends the frames into the tunnel to node3", sending_flow,
             on_fast_path},
    DemoStep{"C6", "port 2 of node1 is the tunnels'", tunnel_port, on_fast_path},
    DemoStep{"C7", "node3's kernel takes them from the tunnel to the bridge", receiving_flow,
             on_fast_path},
    DemoStep{"C8", "port 1 of node3 is the bridge's", bridge_port, on_fast_path},
    DemoStep{"C9", "node3's bridge has it on p3's own port", local_mac},
    DemoStep{"C10", "p3's interface", pod_link},
    DemoStep{"D1", "the way outside leads over the bridge and the node", way_outside},
    DemoStep{"D2", "the masquerade rules", masquerade_rules},
    DemoStep{"D3", "outside sees the node, pods see the pod", source_addresses},
    DemoStep{"E1", "p1 pings p2", baseline, on_other},
    DemoStep{"E1", "p1 pings p2", fast_baseline, on_fast_path},
    DemoStep{"E2", "node1 can no longer send to node2", cut_one_way},
    DemoStep{"E3", "another node relays", reconvergence, on_other},
    DemoStep{"E3", "another node relays", fast_reconvergence, on_fast_path},
    DemoStep{"E4", "what node1 sends to node2 was dropped all the while", dropped_packets},
    DemoStep{"E5", "the status says so", relayed_status},
    DemoStep{"E6", "every packet crosses the wire twice, in the same tunnel", relayed_packets,
             on_fast_path},
    DemoStep{"E6", "the relay forwards it in its kernel", relaying_flow, on_fast_path},
    DemoStep{"E7", "healed: the direct way comes back unnoticed", healing},
};

}  // namespace

Result<> add_demo_pods(DemoState& state) {
  WEFT_TRY(state.p1, attach(state.lab, "p1", state.node(1)));
  WEFT_TRY(state.p2, attach(state.lab, "p2", state.node(2)));
  WEFT_TRY(state.p3, attach(state.lab, "p3", state.node(3)));
  return {};
}

std::span<const DemoStep> demo_steps() {
  return steps;
}

bool applies(const DemoStep& step, const DemoState& state) {
  switch (step.when) {
    case on_fast_path:
      return state.is_fast;
    case on_other:
      return !state.is_fast;
    case with_fast_path:
      return ("," + state.lab.plan().overlay + ",").find(",odp,") != std::string::npos;
    case always:
      break;
  }
  return true;
}

}  // namespace weft::lab
