/// JSON of the mesh's state, and lines from it.
/// Source: weaveworks/mesh status.go.

#include "gossip/status.hpp"

#include <algorithm>
#include <ctime>
#include <span>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "gossip/pages.hpp"
#include "gossip/wire/introduction.hpp"

namespace weft::gossip {
namespace {

using Json = nlohmann::ordered_json;

/// Foreign nicknames need not be UTF-8.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string nickname_of(const Engine& engine, PeerName name) {
  const Topology::Peer* const peer = engine.state().peers().find(name);
  return peer == nullptr ? "" : peer->nickname;
}

/// Of a peer that frames do not reach, so many connections are shown at most. It may be invented,
/// with thousands of them, and each costs ten times as much here as in the peer table.
constexpr std::size_t max_shown_unreached = 64;

/// Weave Net's report says null for a list without elements.
enum class Lists : std::uint8_t { as_they_are, null_when_empty };

Json shaped(Json list, Lists lists) {
  return lists == Lists::null_when_empty && list.empty() ? Json(nullptr) : list;
}

/// What is known of the mesh, for any thread.
struct Mesh {
  std::shared_ptr<const Topology> topology;
  std::shared_ptr<const Routes> routes;

  explicit Mesh(const Engine& engine)
      : topology(engine.state().published_topology()), routes(engine.state().published_routes()) {}

  [[nodiscard]] std::string nickname_of(PeerName name) const {
    const auto at = std::ranges::lower_bound(topology->peers, name, {}, &Topology::Peer::name);
    return at != topology->peers.end() && at->name == name ? at->nickname : "";
  }
  [[nodiscard]] bool is_reached(PeerName name) const {
    return name == topology->self ||
           std::ranges::binary_search(routes->unicast, name, {}, &Routes::Unicast::destination);
  }
};

Json peer_entry(const Mesh& mesh, const Topology::Peer& peer, Lists lists) {
  const std::size_t shown = mesh.is_reached(peer.name)
                                ? peer.connections.size()
                                : std::min(peer.connections.size(), max_shown_unreached);
  Json connections = Json::array();
  for (const auto& connection : std::span(peer.connections).first(shown)) {
    connections.push_back({{"Name", to_string(connection.remote)},
                           {"NickName", mesh.nickname_of(connection.remote)},
                           {"Address", connection.address},
                           {"Outbound", connection.outbound},
                           {"Established", connection.established}});
  }
  return {{"Name", to_string(peer.name)},
          {"NickName", peer.nickname},
          {"UID", peer.uid},
          {"ShortID", peer.short_id.value_or(0)},
          {"Version", peer.version},
          {"Connections", shaped(std::move(connections), lists)}};
}

/// As text, peer by peer: as JSON objects all of them would take many times the memory.
std::string peers(const Mesh& mesh, Lists lists) {
  std::string list = "[";
  for (const Topology::Peer& peer : mesh.topology->peers) {
    list += list.size() == 1 ? "" : ",";
    list += text_of(peer_entry(mesh, peer, lists));
  }
  return list + "]";
}

Json live_connection(const Engine& engine, const Link& link) {
  const OverlayStatus overlay = link.overlay->status();
  std::string info = fmt::format("{:<6} {}({})", overlay.overlay, to_string(link.remote),
                                 nickname_of(engine, link.remote));
  if (engine.config().password.is_set()) {
    info = fmt::format("{:<11} {}", link.is_encrypted ? "encrypted" : "unencrypted", info);
  }
  Json attributes = Json::object();  // sorted, as Weave Net writes its maps
  if (link.is_encrypted) {
    attributes["encrypted"] = true;
  }
  if (overlay.mtu != 0) {
    attributes["mtu"] = overlay.mtu;
  }
  attributes["name"] = overlay.overlay;
  return {{"Address", to_string(link.address)},
          {"Outbound", link.connection->is_outbound()},
          {"State", link.is_established ? "established" : "pending"},
          {"Info", std::move(info)},
          {"Attrs", std::move(attributes)}};
}

std::string local_time(TimePoint time, Loop& loop) {
  const auto wall =
      loop.wall_now() + std::chrono::duration_cast<WallTime::duration>(time - loop.now());
  const std::time_t seconds = std::chrono::system_clock::to_time_t(wall);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string next_try(const ConnectionMaker::Target& target, Loop& loop) {
  return target.try_after ? local_time(*target.try_after, loop) : "never";
}

Json target_entry(const std::string& address, std::string_view state, std::string info) {
  return {{"Address", address},
          {"Outbound", true},
          {"State", state},
          {"Info", std::move(info)},
          {"Attrs", nullptr}};
}

/// Why a target is not connected: a refusal first, as what came after it is often only "reset".
std::string failure_text(const Engine& engine, const net::IpAddress& address,
                         const ConnectionMaker::Target& target, Loop& loop) {
  std::string last = target.last_error ? target.last_error->message() : "";
  const RefusedPeers::Entry* const refusal = engine.refused_peers().find(address);
  if (refusal == nullptr) {
    return last;
  }
  const std::string text =
      fmt::format("{}, since {}", refusal->error.message(), local_time(refusal->since, loop));
  return last.empty() || last == refusal->error.message()
             ? text
             : fmt::format("{}; the last attempt: {}", text, last);
}

/// Peers that dial us, and are refused.
void append_refused(Json& list, const Engine& engine, Loop& loop) {
  const auto& targets = engine.maker().targets();
  for (const auto& [address, refusal] : engine.refused_peers().entries()) {
    const auto target = targets.lower_bound(net::Endpoint{address, 0});
    if (target != targets.end() && target->first.address == address) {
      continue;  // shown there
    }
    list.push_back({{"Address", to_string(address)},
                    {"Outbound", false},
                    {"State", "failed"},
                    {"Info", fmt::format("{}, since {}", refusal.error.message(),
                                         local_time(refusal.since, loop))},
                    {"Attrs", nullptr}});
  }
}

void append_targets(Json& list, const Engine& engine, Loop& loop) {
  using State = ConnectionMaker::State;
  for (const auto& [address, target] : engine.maker().targets()) {
    const std::string error = failure_text(engine, address.address, target, loop);
    if (target.is_ourselves) {
      continue;  // no failure: lists of peers often name the node itself
    }
    if (target.state == State::waiting) {
      const std::string when = next_try(target, loop);
      list.push_back(error.empty()
                         ? target_entry(to_string(address), "waiting", "until: " + when)
                         : target_entry(to_string(address), "failed", error + ", retry: " + when));
    } else if (target.state == State::attempting) {
      list.push_back(
          target_entry(to_string(address), error.empty() ? "connecting" : "retrying", error));
    }
  }
  for (const auto& [text, peer] : engine.maker().direct_peers()) {
    if (peer.addresses.empty()) {
      const ResolvedName* const name = engine.direct_peers().names().find(peer.host);
      const bool has_failed = name != nullptr && name->error;
      list.push_back(target_entry(text, has_failed ? "failed" : "connecting",
                                  has_failed ? name->error->message() : "looking up its name"));
    }
  }
}

Json connections(const Engine& engine, Loop& loop) {
  Json list = Json::array();
  for (const auto& [id, link] : engine.links().all()) {
    if (link.is_added) {
      list.push_back(live_connection(engine, link));
    }
  }
  append_targets(list, engine, loop);
  append_refused(list, engine, loop);
  return list;
}

Json targets(const Engine& engine) {
  Json list = Json::array();
  for (const auto& [text, peer] : engine.maker().direct_peers()) {
    list.push_back(text);
  }
  return list;
}

/// How it stands with one address of a direct peer.
std::string address_state(const Engine& engine, const net::Endpoint& address, Loop& loop) {
  const ConnectionMaker& maker = engine.maker();
  const auto at = maker.targets().find(address);
  if (at == maker.targets().end()) {
    return "connected";  // some other way: it is not dialled
  }
  const ConnectionMaker::Target& target = at->second;
  if (target.is_ourselves) {
    return "this node";
  }
  switch (target.state) {
    case ConnectionMaker::State::connected:
    case ConnectionMaker::State::suspended:
      return "connected";
    case ConnectionMaker::State::attempting:
      return "connecting";
    case ConnectionMaker::State::waiting:
      break;
  }
  const std::string failure = failure_text(engine, address.address, target, loop);
  return failure.empty() ? "waiting" : failure;
}

Json name_entry(const ResolvedName& name, Loop& loop) {
  Json entry = Json::object();
  if (!name.addresses.empty()) {
    entry["Since"] = local_time(name.since, loop);
  }
  if (name.error) {
    entry["Failure"] = name.error->message();
    entry["FailingSince"] = local_time(name.failing_since, loop);
  }
  entry["NextLookup"] = name.next ? local_time(*name.next, loop) : "under way";
  return entry;
}

Json direct_peers(const Engine& engine, Loop& loop) {
  Json list = Json::array();
  for (const auto& [text, peer] : engine.maker().direct_peers()) {
    Json addresses = Json::array();
    for (const net::Endpoint& address : engine.maker().endpoints(peer)) {
      addresses.push_back(
          {{"Address", to_string(address)}, {"State", address_state(engine, address, loop)}});
    }
    Json entry{{"Peer", text}, {"Addresses", std::move(addresses)}};
    if (const ResolvedName* const name = engine.direct_peers().names().find(peer.host);
        name != nullptr && peer.is_name) {
      entry["Name"] = name_entry(*name, loop);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json unicast_routes(const Routes& routes) {
  Json list = Json::array({{{"Dest", to_string(routes.self)}, {"Via", to_string(unknown_peer)}}});
  for (const Routes::Unicast& route : routes.unicast) {
    list.push_back({{"Dest", to_string(route.destination)}, {"Via", to_string(route.via)}});
  }
  return list;
}

Json broadcast_routes(const Routes& routes, Lists lists) {
  Json list = Json::array();
  for (const Routes::Broadcast& route : routes.broadcast) {
    Json via = Json::array();
    for (const PeerName hop : route.hops) {
      via.push_back(to_string(hop));
    }
    list.push_back({{"Source", to_string(route.origin)}, {"Via", shaped(std::move(via), lists)}});
  }
  return list;
}

/// An object's text without its last brace.
std::string without_end(std::string object) {
  object.pop_back();
  return object;
}

/// What stands before the peers in the Router object of Weave Net's report.
Json router_begin(const Engine& engine) {
  const Config& config = engine.config();
  const Topology::Peer& self = engine.state().peers().self();
  return {{"Protocol", "weave"},
          {"ProtocolMinVersion", config.lowest_version()},
          {"ProtocolMaxVersion", mesh::max_version},
          {"Encryption", config.password.is_set()},
          {"PeerDiscovery", config.discovery},
          {"Name", to_string(self.name)},
          {"NickName", self.nickname},
          {"Port", engine.port()}};
}

/// What stands behind the routes; `diagnostics` is in the middle of it.
Json router_end(const Engine& engine, Loop& loop, Lists lists, const Json& diagnostics) {
  Json subnets = Json::array();
  for (const net::Cidr& subnet : engine.config().trusted_subnets) {
    subnets.push_back(to_string(subnet));
  }
  Json end{{"Connections", shaped(connections(engine, loop), lists)},
           {"TerminationCount", engine.terminations()},
           {"Targets", shaped(targets(engine), lists)}};
  end.update(diagnostics);
  end["TrustedSubnets"] = std::move(subnets);
  return end;
}

Report router(const Engine& engine, const Json& last, Lists lists) {
  return [mesh = Mesh(engine), lists, begin = text_of(router_begin(engine)), end = text_of(last)] {
    const Json routes{{"UnicastRoutes", unicast_routes(*mesh.routes)},
                      {"BroadcastRoutes", broadcast_routes(*mesh.routes, lists)}};
    return without_end(begin) + R"(,"Peers":)" + peers(mesh, lists) + "," +
           without_end(text_of(routes)).substr(1) + "," + end.substr(1);
  };
}

}  // namespace

Report status_report(const Engine& engine, Loop& loop) {
  return router(engine, router_end(engine, loop, Lists::as_they_are, Json::object()),
                Lists::as_they_are);
}

Report router_report(const Engine& engine, Loop& loop) {
  Json end =
      router_end(engine, loop, Lists::null_when_empty, {{"OverlayDiagnostics", Json::object()}});
  end.update({{"Interface", "no overlay bridge"}, {"CaptureStats", nullptr}, {"MACs", nullptr}});
  return router(engine, end, Lists::null_when_empty);
}

Report summary_page(const Engine& engine, Loop& loop) {
  Json facts = router_begin(engine);
  facts.update(router_end(engine, loop, Lists::as_they_are, Json::object()));
  return [mesh = Mesh(engine), facts = std::move(facts)] {
    PeerCounts counts;
    for (const Topology::Peer& peer : mesh.topology->peers) {
      count_peer(counts, peer_entry(mesh, peer, Lists::as_they_are));
    }
    PageLines page;
    add_summary(page, facts, counts);
    return page.take();
  };
}

Report peers_page(const Engine& engine, Loop& /*loop*/) {
  return [mesh = Mesh(engine)] {
    PageLines page;
    for (const Topology::Peer& peer : mesh.topology->peers) {
      add_peer(page, peer_entry(mesh, peer, Lists::as_they_are));
    }
    return page.take();
  };
}

Report peers_report(const Engine& engine, Loop& /*loop*/) {
  return [mesh = Mesh(engine)] { return peers(mesh, Lists::as_they_are); };
}

std::string connections_json(const Engine& engine, Loop& loop) {
  return text_of(connections(engine, loop));
}

std::string targets_json(const Engine& engine) {
  return text_of(targets(engine));
}

std::string connections_page(const Engine& engine, Loop& loop) {
  PageLines page;
  for (const Json& connection : connections(engine, loop)) {
    add_connection(page, connection);
  }
  return page.take();
}

std::string targets_page(const Engine& engine, Loop& loop) {
  PageLines page;
  for (const Json& target : direct_peers(engine, loop)) {
    add_target(page, target);
  }
  return page.take();
}

std::string direct_peers_json(const Engine& engine, Loop& loop) {
  return text_of(direct_peers(engine, loop));
}

}  // namespace weft::gossip
