/// Cuts, waits and measures, with a steady ping from p1 to p2 running all the while.

#include "cut.hpp"

#include <csignal>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "capture.hpp"
#include "flow.hpp"
#include "probe.hpp"

namespace weft::lab {
namespace {

constexpr unsigned steady_per_second = 50;
constexpr std::chrono::seconds reconverge_patience{65};  // what Weave Net needs
constexpr std::chrono::seconds heal_patience{120};       // retries back off up to a minute or so
constexpr double longest_detour = 3;                     // round trips by Weave Net's relay
constexpr unsigned tunnel_udp_port = 6784;               // the mesh's port and one
// VXLAN header, Ethernet header, and the 84 octets of IPv4 packet that ping sends.
constexpr std::size_t tunnelled_octets = 8 + 14 + 84;
// ESP's header and initialisation vector; the UDP datagram, padded to a word with two octets of
// trailer; the tag. RFC 4106.
constexpr std::size_t encrypted_octets = 8 + 8 + (8 + tunnelled_octets + 2) + 16;
static_assert((8 + tunnelled_octets + 2) % 4 == 0);
constexpr unsigned captured_pings = 5;

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

/// The seconds until node1's route to node2 leads over another node.
Result<double> wait_for_relay(DemoState& state) {
  const auto is_relayed = [&]() -> Result<bool> {
    std::string via;
    WEFT_TRY(via, route_via(state.lab, state.node(1), state.node(2)));
    return !via.empty() && via != state.node(2).peer_name;
  };
  return wait_until(reconverge_patience, is_relayed, "node1 reach node2 by a relay");
}

/// Round trips from p1 to p2 when the flows are in the kernel. The shortest is what the path costs;
/// the others also waited for a processor.
Result<PingCounts> measure(DemoState& state) {
  WEFT_TRY(ping(state.lab, state.p1, state.p2.ip, 1, "1"));
  return ping(state.lab, state.p1, state.p2.ip, 20, "0.05");
}

/// An echo message, and the datagrams that it was in.
using Message = std::pair<bool, unsigned>;  // is it a reply, and its number
using Hops = std::map<Message, std::vector<TunnelledPing>>;

/// What crosses the wire while p1 pings p2.
Result<Captured> capture_pings(DemoState& state) {
  auto capture = Capture::start(state.lab.plan().underlay_netns);
  if (!capture) {
    return tl::unexpected(std::move(capture).error());
  }
  WEFT_TRY(ping(state.lab, state.p1, state.p2.ip, captured_pings, "0.2"));
  return capture->read();
}

/// Datagrams by the message that they carry.
Hops by_message(std::vector<TunnelledPing> seen) {
  Hops hops;
  for (TunnelledPing& datagram : seen) {
    hops[{datagram.is_reply, datagram.sequence}].push_back(std::move(datagram));
  }
  return hops;
}

/// From one end to a third node and on to the other end.
bool is_relayed(const std::vector<TunnelledPing>& hops, const std::string& from,
                const std::string& to) {
  return hops.size() == 2 && hops[0].from == from && hops[0].to == hops[1].from &&
         hops[1].to == to && hops[0].to != to;
}

bool is_tunnelled(const std::vector<TunnelledPing>& hops) {
  return std::ranges::all_of(hops, [&](const TunnelledPing& hop) {
    return hop.port == tunnel_udp_port && hop.udp_octets == tunnelled_octets &&
           hop.source_port == hops.front().source_port;
  });
}

/// "10.99.0.11 -> 10.99.0.13 -> 10.99.0.12 from port 48052 to 6784, 106 octets".
std::string shown(const std::vector<TunnelledPing>& hops) {
  std::string way = hops.front().from;
  std::set<std::string> ports;
  std::set<std::string> octets;
  for (const TunnelledPing& hop : hops) {
    way += " -> " + hop.to;
    ports.insert(fmt::format("{} to {}", hop.source_port, hop.port));
    octets.insert(std::to_string(hop.udp_octets));
  }
  return fmt::format("{} from port {}, {} octets", way, fmt::join(ports, " and "),
                     fmt::join(octets, " and "));
}

/// Different ways that the messages took, each with how many took it.
std::string shown(const Hops& messages) {
  std::map<std::string, unsigned> ways;
  for (const auto& [message, hops] : messages) {
    ++ways[(message.first ? "replies " : "requests ") + shown(hops)];
  }
  std::string text;
  for (const auto& [way, count] : ways) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", count, way);
  }
  return text;
}

/// What is encrypted shows its length only: heartbeats and ARP have other lengths.
Result<Check> relayed_encrypted(DemoState& state) {
  const std::string& one = state.node(1).ipv4;
  const std::string& two = state.node(2).ipv4;
  Captured seen;
  std::optional<std::string> there;
  std::optional<std::string> back;
  const auto both_relayed = [&]() -> Result<bool> {
    WEFT_TRY(seen, capture_pings(state));
    there = relay_between(seen.encrypted, one, two, encrypted_octets, captured_pings);
    back = relay_between(seen.encrypted, two, one, encrypted_octets, captured_pings);
    return there && back;
  };
  const auto waited = wait_until(reconverge_patience, both_relayed, "a relay both ways");
  if (!waited && waited.error().code != Errc::timeout) {
    return tl::unexpected(waited.error());
  }
  std::map<std::string, unsigned> hops;
  for (const EspPacket& packet : seen.encrypted) {
    ++hops[fmt::format("{} -> {}, {} octets", packet.from, packet.to, packet.octets)];
  }
  std::string observed = fmt::format("{} pings in clear", seen.pings.size());
  for (const auto& [hop, count] : hops) {
    observed += fmt::format("; {} ESP packets {}", count, hop);
  }
  return Check{waited && seen.pings.empty(),
               fmt::format("{0} requests and {0} replies, each {1} -> relay -> {2} or back, in ESP "
                           "packets of {3} octets; none in clear",
                           captured_pings, one, two, encrypted_octets),
               observed};
}

}  // namespace

Result<Check> baseline(DemoState& state) {
  PingCounts counts;
  WEFT_TRY(counts, ping(state.lab, state.p1, state.p2.ip, 5, "0.2"));
  state.baseline_ms = counts.average_ms;
  return Check{counts.received == 5, "5 of 5 received",
               fmt::format("{} of {} received, {:.3f} ms on average", counts.received, counts.sent,
                           counts.average_ms)};
}

Result<Check> cut_one_way(DemoState& state) {
  WEFT_TRY(start_steady(state));
  pause_for(std::chrono::seconds{1});  // traffic must be flowing when the cut comes
  WEFT_TRY(state.lab.cut(state.node(1).name, state.node(2).name, /*one_way=*/true));
  state.cut_at = std::chrono::steady_clock::now();
  double seconds = 0;
  WEFT_TRY(seconds, wait_until(
                        std::chrono::seconds{10},
                        [&]() -> Result<bool> {
                          std::uint64_t packets = 0;
                          WEFT_TRY(packets, state.lab.cut_packets());
                          return packets > 0;
                        },
                        "the cut drop packets"));
  return Check{true, "the rule from node1 to node2 drops packets",
               fmt::format("it does, {:.1f} s after the cut", seconds)};
}

Result<Check> reconvergence(DemoState& state) {
  double seconds = 0;
  WEFT_TRY(seconds, wait_for_relay(state));
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

Result<Check> dropped_packets(DemoState& state) {
  std::uint64_t packets = 0;
  WEFT_TRY(packets, state.lab.cut_packets());
  return Check{packets > 0, "the rule from node1 to node2 has dropped packets",
               fmt::format("it dropped {}", packets)};
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
    std::string overlay;
    WEFT_TRY(overlay, overlay_to(state.lab, state.node(1), state.node(2)));
    return via == state.node(2).peer_name && connection == "established" &&
           (!state.is_fast || overlay == "fastdp");
  };
  double seconds = 0;
  WEFT_TRY(seconds, wait_until(heal_patience, is_direct, "node1 reach node2 directly again"));
  pause_for(std::chrono::seconds{1});  // and still be flowing on the direct way
  PingCounts steady;
  WEFT_TRY(steady, finish_steady(state));
  const unsigned lost = steady.sent - steady.received;
  // Emulated round trips are long: the last packet may be on its way when the ping is told to end.
  const unsigned unanswered = state.is_fast ? 1 : 0;
  return Check{lost <= unanswered,
               fmt::format("direct again, the steady ping lost 0 packets{}",
                           state.is_fast ? ", but for one on its way when it ended" : ""),
               fmt::format("direct after {:.1f} s, the steady ping lost {} of {}", seconds, lost,
                           steady.sent)};
}

Result<Check> fast_baseline(DemoState& state) {
  Check check;
  WEFT_TRY(check, baseline(state));
  PingCounts counts;
  WEFT_TRY(counts, measure(state));
  state.baseline_ms = counts.shortest_ms;
  check.observed += fmt::format("; of {} more the shortest round trip is {:.3f} ms", counts.sent,
                                counts.shortest_ms);
  return check;
}

Result<Check> fast_reconvergence(DemoState& state) {
  WEFT_TRY(wait_for_relay(state));
  const auto gets_through = [&]() -> Result<bool> {
    PingCounts counts;
    WEFT_TRY(counts, ping(state.lab, state.p1, state.p2.ip, 1, "1"));
    return counts.received == 1;
  };
  WEFT_TRY(wait_until(reconverge_patience, gets_through, "a ping pass by the relay"));
  const std::chrono::duration<double> outage = std::chrono::steady_clock::now() - state.cut_at;
  PingCounts steady;
  WEFT_TRY(steady, finish_steady(state));
  PingCounts counts;
  WEFT_TRY(counts, ping(state.lab, state.p1, state.p2.ip, 5, "0.2"));
  PingCounts round_trips;
  WEFT_TRY(round_trips, measure(state));
  const double ratio = round_trips.shortest_ms / state.baseline_ms;
  return Check{
      counts.received == 5 && outage <= reconverge_patience && ratio <= longest_detour,
      fmt::format("within {} s 5 of 5 received, the shortest round trip at most {} times the "
                  "direct one",
                  reconverge_patience.count(), longest_detour),
      fmt::format("{} of {} received {:.1f} s after the cut, the shortest round trip {:.3f} ms, "
                  "{:.1f} times the direct one; the steady ping lost {} of {}",
                  counts.received, counts.sent, outage.count(), round_trips.shortest_ms, ratio,
                  steady.sent - steady.received, steady.sent)};
}

Result<Check> relayed_packets(DemoState& state) {
  if (state.lab.is_encrypted()) {
    return relayed_encrypted(state);
  }
  const std::string& one = state.node(1).ipv4;
  const std::string& two = state.node(2).ipv4;
  Hops messages;
  // The way back changes on its own, when node2 gives the direct one up.
  const auto both_relayed = [&]() -> Result<bool> {
    Captured seen;
    WEFT_TRY(seen, capture_pings(state));
    messages = by_message(std::move(seen.pings));
    return !messages.empty() && std::ranges::all_of(messages, [&](const auto& entry) {
      const auto& [message, hops] = entry;
      return message.first ? is_relayed(hops, two, one) : is_relayed(hops, one, two);
    });
  };
  const auto waited = wait_until(reconverge_patience, both_relayed, "a relay both ways");
  if (!waited && waited.error().code != Errc::timeout) {
    return tl::unexpected(waited.error());
  }
  return Check{waited && messages.size() == 2 * captured_pings &&
                   std::ranges::all_of(
                       messages, [](const auto& entry) { return is_tunnelled(entry.second); }),
               fmt::format("{0} requests and {0} replies, each {1} -> relay -> {2} or back, from "
                           "one port to {3} on both hops, {4} octets of UDP payload",
                           captured_pings, one, two, tunnel_udp_port, tunnelled_octets),
               messages.empty() ? "no ping in VXLAN" : shown(messages)};
}

Result<Check> relaying_flow(DemoState& state) {
  std::string via;
  WEFT_TRY(via, route_via(state.lab, state.node(1), state.node(2)));
  const auto& nodes = state.lab.plan().nodes;
  const auto relay =
      std::ranges::find_if(nodes, [&](const LabNode& node) { return node.peer_name == via; });
  if (relay == nodes.end()) {
    return fail(Errc::not_found, "find the node that relays from node1 to node2");
  }
  std::string id;
  WEFT_TRY(id, tunnel_id_between(state.lab, state.node(1), state.node(2)));
  return check_flow_of(state.lab, *relay,
                       {{tunnel_key(id, state.node(1), *relay), "InPortFlowKey{vport: 2}"},
                        {set_tunnel(id, *relay, state.node(2)), "OutputAction{vport: 2}"}});
}

}  // namespace weft::lab
