/// Fields of the configuration.

#include "gossip/config.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include <fmt/core.h>

#include "gossip/connection_maker.hpp"
#include "gossip/wire/introduction.hpp"

namespace weft::gossip {

using std::chrono::milliseconds;

void Config::describe(Schema& schema) {
  schema.field("peers", peers,
               "Peers to connect to, as host or host:port; a name stands for all its addresses.");
  schema.secret_file("password-file", password,
                     "Encrypt connections with the password in this file; all peers need it.");
  schema.field("discovery", discovery, "Also connect to peers that other peers know.");
  schema.field("connection-limit", connection_limit, "At most so many connections; 0: no limit.");
  schema.field("peer-limit", peer_limit,
               "At most so many peers in the mesh; claims about more are refused.", {16, 4096});
  schema.field("trusted-subnets", trusted_subnets,
               "Frames to peers in these subnets are not encrypted if they trust us as well.");
  schema.field("heartbeat", heartbeat, "How often something is sent to each peer.",
               {milliseconds{20}, milliseconds{30'000}});
  schema.field("dead-after", dead_after, "Silence after which a connection is given up.",
               {milliseconds{60}, milliseconds{60'000}});
  schema.field("min-protocol-version", min_protocol_version,
               "The oldest protocol to accept from peers; 0: 2 with a password, 1 without.",
               {0, 2});
  schema.field(
      "introduction-limit", introduction_limit,
      "At most so many accepted connections that have not introduced themselves; one source "
      "may have an eighth.",
      {8, 1024});
}

namespace {

/// What two texts of one peer have in common.
std::string identity_of(const DirectPeer& peer, std::uint16_t default_port) {
  std::string host = peer.addresses.empty() ? peer.host : net::to_string(peer.addresses.front());
  host.resize(host.size() - (host.ends_with('.') ? 1 : 0));
  std::ranges::transform(host, host.begin(), [](unsigned char c) { return std::tolower(c); });
  return fmt::format("{} {}", host, peer.port != 0 ? peer.port : default_port);
}

Result<> want_each_once(const std::vector<std::string>& peers, std::uint16_t default_port) {
  std::map<std::string, std::string_view> seen;
  for (const std::string& text : peers) {
    DirectPeer peer;
    WEFT_TRY(peer, parse_direct_peer(text));
    const auto [same, is_new] = seen.emplace(identity_of(peer, default_port), text);
    if (!is_new) {
      return fail(Errc::invalid, fmt::format("use peers: '{}' and '{}' are one peer; remove one",
                                             same->second, text));
    }
  }
  return {};
}

Result<> want_networks(const std::vector<net::Cidr>& subnets) {
  for (const net::Cidr& subnet : subnets) {
    if (subnet != subnet.network()) {
      return fail(Errc::invalid,
                  fmt::format("use trusted-subnets = [\"{}\"]: bits after the network prefix are "
                              "not all zero, write \"{}\"",
                              net::to_string(subnet), net::to_string(subnet.network())));
    }
  }
  return {};
}

}  // namespace

Result<> Config::validate(std::uint16_t port) const {
  if (dead_after < 2 * heartbeat) {
    return fail(Errc::invalid, "use 'dead-after': it must be at least twice 'heartbeat'");
  }
  WEFT_TRY(want_networks(trusted_subnets));
  return want_each_once(peers, port);
}

unsigned Config::lowest_version() const noexcept {
  if (min_protocol_version != 0) {
    return min_protocol_version;
  }
  return password.is_set() ? mesh::max_version : mesh::min_version;
}

}  // namespace weft::gossip
