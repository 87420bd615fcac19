/// Writes lines about the mesh.

#include "gossip/pages.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace weft::gossip {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, const char* key) {
  return object.at(key).get<std::string>();
}

std::string display_name(const Json& peer) {
  return text_of(peer, "Name") + "(" + text_of(peer, "NickName") + ")";
}

const char* arrow(const Json& connection) {
  return connection.at("Outbound").get<bool>() ? "->" : "<-";
}

const char* enabled(const Json& object, const char* key) {
  return object.at(key).get<bool>() ? "enabled" : "disabled";
}

std::string protocol_versions(const Json& router) {
  const int lowest = router.at("ProtocolMinVersion");
  const int highest = router.at("ProtocolMaxVersion");
  return lowest == highest ? fmt::format("{} {}", text_of(router, "Protocol"), highest)
                           : fmt::format("{} {}..{}", text_of(router, "Protocol"), lowest, highest);
}

/// Puts "2 established" behind `text`; nothing for none.
void append_count(std::string& text, std::size_t count, std::string_view state) {
  if (count > 0) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
  }
}

std::string connection_counts(const Json& connections) {
  std::string states;
  for (const std::string_view state :
       {"established", "pending", "retrying", "failed", "connecting"}) {
    const auto count = std::ranges::count_if(
        connections, [&](const Json& each) { return each.at("State") == state; });
    append_count(states, static_cast<std::size_t>(count), state);
  }
  return fmt::format("{}{}", connections.size(), states.empty() ? "" : " (" + states + ")");
}

std::string peer_counts(const PeerCounts& peers) {
  std::string states;
  append_count(states, peers.established, "established");
  append_count(states, peers.pending, "pending");
  return fmt::format("{}{}", peers.peers,
                     states.empty() ? "" : " (with " + states + " connections)");
}

std::string joined(const Json& texts) {
  std::string all;
  for (const Json& text : texts) {
    all += (all.empty() ? "" : ", ") + text.get<std::string>();
  }
  return all.empty() ? "none" : all;
}

/// How it stands with each address of a target.
std::string address_states(const Json& target) {
  std::string states;
  for (const Json& address : target.at("Addresses")) {
    states += (states.empty() ? "" : ", ") +
              (target.contains("Name") ? text_of(address, "Address") + " " : "") +
              text_of(address, "State");
  }
  return states;
}

/// What a name resolves to, or why not, and how it stands with each address.
std::string target_details(const Json& target) {
  const std::string states = address_states(target);
  if (!target.contains("Name")) {
    return states;
  }
  const Json& name = target.at("Name");
  if (!name.contains("Failure")) {
    return states.empty() ? "being looked up" : states + "; found since " + text_of(name, "Since");
  }
  return fmt::format("{}not found {}since {}: {}; next lookup: {}",
                     states.empty() ? "" : states + "; ", states.empty() ? "" : "any more ",
                     text_of(name, "FailingSince"), text_of(name, "Failure"),
                     text_of(name, "NextLookup"));
}

}  // namespace

void count_peer(PeerCounts& counts, const Json& peer) {
  ++counts.peers;
  for (const Json& connection : peer.at("Connections")) {
    ++(connection.at("Established").get<bool>() ? counts.established : counts.pending);
  }
}

void add_summary(PageLines& page, const Json& router, const PeerCounts& peers) {
  page.entry("Service", "router");
  page.entry("Protocol", protocol_versions(router));
  page.entry("Name", display_name(router));
  page.entry("Encryption", enabled(router, "Encryption"));
  page.entry("PeerDiscovery", enabled(router, "PeerDiscovery"));
  page.entry("Targets", std::to_string(router.at("Targets").size()));
  page.entry("Connections", connection_counts(router.at("Connections")));
  page.entry("Peers", peer_counts(peers));
  page.entry("TrustedSubnets", joined(router.at("TrustedSubnets")));
}

void add_peer(PageLines& page, const Json& peer) {
  page.line("{}", display_name(peer));
  for (const Json& connection : peer.at("Connections")) {
    page.line("   {} {:<21} {:<37} {}", arrow(connection), text_of(connection, "Address"),
              display_name(connection),
              connection.at("Established").get<bool>() ? "established" : "pending");
  }
}

void add_connection(PageLines& page, const Json& connection) {
  std::string details = text_of(connection, "Info");
  for (const auto& [name, value] : connection.at("Attrs").items()) {
    if (name != "name") {
      details += fmt::format(" {}={}", name, value.dump());
    }
  }
  const std::string state = text_of(connection, "State");
  page.line("{} {:<21} {}", arrow(connection), text_of(connection, "Address"),
            details.empty() ? state : fmt::format("{:<11} {}", state, details));
}

void add_target(PageLines& page, const Json& target) {
  page.line("{:<21} {}", text_of(target, "Peer"), target_details(target));
}

}  // namespace weft::gossip
