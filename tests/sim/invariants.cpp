/// Checks a quiet cluster: topologies, routes, broadcast trees, ring and addresses.

#include "invariants.hpp"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace weft::sim {
namespace {

constexpr std::size_t max_reported = 10;

std::string text_of(const Topology& topology) {
  std::string text;
  for (const Topology::Peer& peer : topology.peers) {
    text += fmt::format("{} v{} uid {:x} short {}\n", to_string(peer.name), peer.version, peer.uid,
                        peer.short_id ? std::to_string(*peer.short_id) : "none");
    std::vector<std::string> connections;
    for (const Topology::Connection& connection : peer.connections) {
      connections.push_back(fmt::format("  {} {} {}\n", to_string(connection.remote),
                                        connection.outbound ? "out" : "in",
                                        connection.established ? "established" : "pending"));
    }
    std::ranges::sort(connections);
    for (const std::string& line : connections) {
      text += line;
    }
  }
  return text;
}

/// The first lines in which two texts differ.
std::string difference(const std::string& ours, const std::string& theirs) {
  const auto [a, b] = std::ranges::mismatch(ours, theirs);
  const auto line_at = [](const std::string& text, auto place) {
    const std::size_t at = static_cast<std::size_t>(place - text.begin());
    const std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return text.substr(begin, text.find('\n', at) - begin);
  };
  return fmt::format("'{}' against '{}'", line_at(ours, a), line_at(theirs, b));
}

using NodesByName = std::map<PeerName, const Node*>;

NodesByName by_name(const Cluster& cluster) {
  NodesByName nodes;
  for (const auto& node : cluster.nodes) {
    nodes[node->name()] = node.get();
  }
  return nodes;
}

/// Neighbours of a node over established connections that both sides list.
std::map<PeerName, std::set<PeerName>> neighbours(const Cluster& cluster) {
  std::map<PeerName, std::set<PeerName>> lists;
  for (const auto& node : cluster.nodes) {
    const auto topology = node->topology();
    if (const Topology::Peer* const self = topology->find(node->name())) {
      for (const Topology::Connection& connection : self->connections) {
        if (connection.established) {
          lists[node->name()].insert(connection.remote);
        }
      }
    }
  }
  for (auto& [name, list] : lists) {
    std::erase_if(list, [&, self = name](PeerName other) { return !lists[other].contains(self); });
  }
  return lists;
}

std::set<PeerName> reachable_from(PeerName start,
                                  const std::map<PeerName, std::set<PeerName>>& links) {
  std::set<PeerName> seen{start};
  std::vector<PeerName> work{start};
  while (!work.empty()) {
    const PeerName at = work.back();
    work.pop_back();
    if (const auto found = links.find(at); found != links.end()) {
      for (const PeerName next : found->second) {
        if (seen.insert(next).second) {
          work.push_back(next);
        }
      }
    }
  }
  return seen;
}

PeerName next_hop(const Routes& routes, PeerName destination) {
  const auto found =
      std::ranges::lower_bound(routes.unicast, destination, {}, &Routes::Unicast::destination);
  return found != routes.unicast.end() && found->destination == destination ? found->via
                                                                            : unknown_peer;
}

/// Follows the next hops from `from`; why it did not arrive, or nothing.
std::string follow(const NodesByName& nodes, const std::map<PeerName, std::set<PeerName>>& links,
                   PeerName from, PeerName to) {
  std::set<PeerName> visited{from};
  for (PeerName at = from; at != to;) {
    const PeerName next = next_hop(*nodes.at(at)->routes(), to);
    if (next == unknown_peer) {
      return fmt::format("{} has no route", to_string(at));
    }
    if (!links.at(at).contains(next)) {
      return fmt::format("{} routes via {}, which is no neighbour", to_string(at), to_string(next));
    }
    if (!visited.insert(next).second) {
      return fmt::format("the route loops at {}", to_string(next));
    }
    at = next;
  }
  return {};
}

/// How often each node gets a frame that `origin` broadcasts.
std::map<PeerName, std::size_t> broadcast(const NodesByName& nodes, PeerName origin) {
  std::map<PeerName, std::size_t> copies;
  std::vector<PeerName> work{origin};
  for (std::size_t i = 0; i < work.size() && work.size() <= 4 * nodes.size(); ++i) {
    const auto routes = nodes.at(work[i])->routes();
    const auto found =
        std::ranges::lower_bound(routes->broadcast, origin, {}, &Routes::Broadcast::origin);
    if (found == routes->broadcast.end() || found->origin != origin) {
      continue;
    }
    for (const PeerName hop : found->hops) {
      ++copies[hop];
      work.push_back(hop);
    }
  }
  return copies;
}

void append(Violations& to, Violations from) {
  std::ranges::move(from, std::back_inserter(to));
}

}  // namespace

Violations check_routes(const Cluster& cluster) {
  Violations violations;
  const NodesByName nodes = by_name(cluster);
  const auto links = neighbours(cluster);
  for (const auto& [from, node] : nodes) {
    const std::set<PeerName> reachable = reachable_from(from, links);
    if (reachable.size() != nodes.size()) {
      violations.push_back(fmt::format("{} is connected with {} of {} nodes", node->nickname(),
                                       reachable.size(), nodes.size()));
    }
    for (const PeerName to : reachable) {
      if (const std::string why = follow(nodes, links, from, to); !why.empty()) {
        violations.push_back(
            fmt::format("{} cannot reach {}: {}", to_string(from), to_string(to), why));
      }
    }
    const auto copies = broadcast(nodes, from);
    for (const PeerName to : reachable) {
      const auto found = copies.find(to);
      const std::size_t count = found == copies.end() ? 0 : found->second;
      if (count != (to == from ? 0U : 1U)) {
        violations.push_back(fmt::format("{} gets {} copies of a broadcast of {}", to_string(to),
                                         count, to_string(from)));
      }
    }
  }
  return violations;
}

Violations check_topologies(const Cluster& cluster) {
  Violations violations;
  const std::string first = text_of(*cluster.nodes.front()->topology());
  for (const auto& node : cluster.nodes) {
    const std::string text = text_of(*node->topology());
    if (text != first) {
      violations.push_back(fmt::format("{} and {} know different topologies: {}",
                                       cluster.nodes.front()->nickname(), node->nickname(),
                                       difference(first, text)));
    }
  }
  return violations;
}

Violations check_ring(Cluster& cluster) {
  Violations violations;
  std::string first;
  for (const auto& node : cluster.nodes) {
    const auto status = node->host().call("ipam.status");
    if (!status) {
      violations.push_back(node->nickname() + ": " + status.error().message());
      continue;
    }
    const auto json = nlohmann::json::parse(*status);
    std::string ring;
    std::uint64_t covered = 0;
    for (const auto& entry : json["Entries"]) {
      ring += fmt::format("{} {} {}\n", entry["Token"].get<std::string>(),
                          entry["Peer"].get<std::string>(), entry["Version"].get<std::uint64_t>());
      covered += entry["Size"].get<std::uint64_t>();
    }
    if (covered != json["RangeNumIPs"].get<std::uint64_t>()) {
      violations.push_back(
          fmt::format("{}: its ring covers {} addresses", node->nickname(), covered));
    }
    if (first.empty()) {
      first = ring;
    } else if (ring != first) {
      violations.push_back(fmt::format("{} and {} hold different rings: {}",
                                       cluster.nodes.front()->nickname(), node->nickname(),
                                       difference(first, ring)));
    }
  }
  return violations;
}

Violations check_all(Cluster& cluster) {
  Violations violations = cluster.violations;
  append(violations, check_topologies(cluster));
  append(violations, check_routes(cluster));
  append(violations, check_ring(cluster));
  if (violations.size() > max_reported) {
    const std::size_t more = violations.size() - max_reported;
    violations.resize(max_reported);
    violations.push_back(fmt::format("... and {} more", more));
  }
  return violations;
}

}  // namespace weft::sim
