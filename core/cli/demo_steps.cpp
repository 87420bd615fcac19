/// The steps: pods' network (B), a packet's path (C), masquerading (D), partial connectivity (E).

#include "cli/demo_steps.hpp"

#include <array>
#include <csignal>
#include <regex>

#include <fmt/format.h>

#include "cli/demo_probe.hpp"
#include "cli/json.hpp"

namespace weft::cli {
namespace {

constexpr unsigned steady_per_second = 50;
constexpr std::chrono::seconds reconverge_patience{65};  // what the original needs
constexpr std::chrono::seconds heal_patience{120};       // retries back off up to a minute or so

Check equal(std::string expected, const std::string& observed) {
  const bool ok = expected == observed;
  return {ok, on_one_line(expected), on_one_line(observed)};
}

/// `shape` is a regular expression for the whole text; `shown` is how a person would write it.
Check shaped(const std::string& shape, std::string shown, const std::string& observed) {
  return {std::regex_match(observed, std::regex(shape)), std::move(shown), on_one_line(observed)};
}

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

/// The node reaches the pod's MAC through the bridge port that `port` describes.
Result<Check> forwarding_entry(DemoState& state, const LabNode& node, const char* port,
                               const std::string& shown) {
  std::string entry;
  WEFT_TRY(entry,
           output_in(state.lab, node.netns, {"bridge", "fdb", "get", state.p3.mac, "br", "weave"}));
  return shaped(fmt::format("{} dev {} master weave *", state.p3.mac, port),
                fmt::format("{} dev {} master weave", state.p3.mac, shown), entry);
}

Result<Check> remote_mac(DemoState& state) {
  // Not OVS: the overlay's port on the bridge is called after what it is.
  return forwarding_entry(state, state.node(1), "vethwe-[a-z]+", "vethwe-...");
}

Result<Check> local_mac(DemoState& state) {
  return forwarding_entry(state, state.node(3), "vethwepl[0-9a-f]{7}", "vethwepl + 7 digits");
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

Result<Check> baseline(DemoState& state) {
  PingCounts counts;
  WEFT_TRY(counts, ping(state.lab, state.p1, state.p2.ip, 5, "0.2"));
  state.baseline_ms = counts.average_ms;
  return Check{counts.received == 5, "5 of 5 received",
               fmt::format("{} of {} received, {:.3f} ms on average", counts.received, counts.sent,
                           counts.average_ms)};
}

/// Starts the steady ping. `-w` ends it should we be killed.
Result<> start_steady(DemoState& state) {
  auto process = Process::start(
      {Lab::inside(state.p1.netns, {"ping", "-q", "-i", "0.02", "-w", "300", state.p2.ip}),
       {},
       {}});
  if (!process) {
    return tl::unexpected(std::move(process).error());
  }
  state.steady.emplace(std::move(*process));
  return {};
}

Result<PingCounts> finish_steady(DemoState& state) {
  state.steady->signal(SIGINT);
  Outcome outcome;
  WEFT_TRY(outcome, state.steady->wait(std::chrono::seconds{10}));
  state.steady.reset();
  return parse_ping(outcome.out);
}

Result<Check> cut_one_way(DemoState& state) {
  WEFT_TRY(start_steady(state));
  pause_for(std::chrono::seconds{1});  // traffic must be flowing when the cut comes
  WEFT_TRY(state.lab.cut(state.node(1).name, state.node(2).name, /*one_way=*/true));
  double seconds = 0;
  WEFT_TRY(seconds, wait_until(
                        std::chrono::seconds{10},
                        [&]() -> Result<bool> {
                          std::uint64_t packets = 0;
                          WEFT_TRY(packets, state.lab.cut_packets());
                          return packets > 0;
                        },
                        "the cut drop packets"));
  return Check{true, "the rule from node1 to node2 counts dropped packets",
               fmt::format("it does, {:.1f} s after the cut", seconds)};
}

Result<Check> reconvergence(DemoState& state) {
  const auto is_relayed = [&]() -> Result<bool> {
    std::string via;
    WEFT_TRY(via, route_via(state.lab, state.node(1), state.node(2)));
    return !via.empty() && via != state.node(2).peer_name;
  };
  double seconds = 0;
  WEFT_TRY(seconds, wait_until(reconverge_patience, is_relayed, "node1 reach node2 by a relay"));
  PingCounts counts;
  WEFT_TRY(counts, ping(state.lab, state.p1, state.p2.ip, 5, "0.2"));
  PingCounts steady;
  WEFT_TRY(steady, finish_steady(state));
  const unsigned lost = steady.sent - steady.received;
  return Check{counts.received == 5 && lost < steady_per_second,
               fmt::format("5 of 5 received; the steady ping lost less than a second's {} packets",
                           steady_per_second),
               fmt::format("{} of {} received, {:.3f} ms on average ({:.3f} before); the steady "
                           "ping lost {} of {}; rerouted {:.1f} s after the cut",
                           counts.received, counts.sent, counts.average_ms, state.baseline_ms, lost,
                           steady.sent, seconds)};
}

Result<Check> relayed_status(DemoState& state) {
  std::string second;
  WEFT_TRY(second, connection_state(state.lab, state.node(1), state.node(2)));
  std::string third;
  WEFT_TRY(third, connection_state(state.lab, state.node(1), state.node(3)));
  std::string via;
  WEFT_TRY(via, route_via(state.lab, state.node(1), state.node(2)));
  const bool is_relay =
      std::any_of(state.lab.plan().nodes.begin(), state.lab.plan().nodes.end(),
                  [&](const LabNode& node) { return node.number > 2 && node.peer_name == via; });
  return Check{second != "established" && third == "established" && is_relay,
               "node2 not established, node3 established, route to node2 via another node",
               fmt::format("node2 {}, node3 {}, route to node2 via {}", second, third,
                           via.empty() ? "nobody" : via)};
}

Result<Check> healing(DemoState& state) {
  WEFT_TRY(start_steady(state));
  pause_for(std::chrono::seconds{1});  // traffic must be flowing when the cut goes
  WEFT_TRY(state.lab.heal());
  const auto is_direct = [&]() -> Result<bool> {
    std::string via;
    WEFT_TRY(via, route_via(state.lab, state.node(1), state.node(2)));
    std::string connection;
    WEFT_TRY(connection, connection_state(state.lab, state.node(1), state.node(2)));
    return via == state.node(2).peer_name && connection == "established";
  };
  double seconds = 0;
  WEFT_TRY(seconds, wait_until(heal_patience, is_direct, "node1 reach node2 directly again"));
  pause_for(std::chrono::seconds{1});  // and still be flowing on the direct way
  PingCounts steady;
  WEFT_TRY(steady, finish_steady(state));
  const unsigned lost = steady.sent - steady.received;
  return Check{lost == 0, "direct again, the steady ping lost 0 packets",
               fmt::format("direct after {:.1f} s, the steady ping lost {} of {}", seconds, lost,
                           steady.sent)};
}

constexpr std::array<DemoStep, 16> steps{{
    {"A", "every node is connected to every other, encrypted if asked", encryption},
    {"B1", "a pod routes everything over eth0, by the node's bridge", pod_routes},
    {"B2", "a node has one route for all pods", node_routes},
    {"C1", "p1 finds p3 on its own link", route_get},
    {"C2", "p1 learns p3's own MAC: ARP crosses the overlay", neighbour},
    {"C3", "node1's bridge learned that MAC behind the overlay", remote_mac},
    {"C9", "node3's bridge has it on p3's own port", local_mac},
    {"C10", "p3's interface", pod_link},
    {"D1", "the way outside leads over the bridge and the node", way_outside},
    {"D2", "the masquerade rules", masquerade_rules},
    {"D3", "outside sees the node, pods see the pod", source_addresses},
    {"E1", "p1 pings p2", baseline},
    {"E2", "node1 can no longer send to node2", cut_one_way},
    {"E3", "another node relays", reconvergence},
    {"E5", "the status says so", relayed_status},
    {"E7", "healed: the direct way comes back unnoticed", healing},
}};

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

}  // namespace weft::cli
