/// Fields of the configuration.

#include "gossip/config.hpp"

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

Result<> Config::validate() const {
  if (dead_after < 2 * heartbeat) {
    return fail(Errc::invalid, "use 'dead-after': it must be at least twice 'heartbeat'");
  }
  for (const std::string& peer : peers) {
    WEFT_TRY(parse_direct_peer(peer));
  }
  return {};
}

unsigned Config::lowest_version() const noexcept {
  if (min_protocol_version != 0) {
    return min_protocol_version;
  }
  return password.is_set() ? mesh::max_version : mesh::min_version;
}

}  // namespace weft::gossip
