/// Declares the control commands of the mesh.

#include "gossip/commands.hpp"

#include <weft/page.hpp>

namespace weft::gossip {
namespace {

constexpr const char* peers_help = "Host names or addresses, with a port or without.";

}  // namespace

void ConnectParameters::describe(Schema& schema) {
  schema.required("peers", peers, peers_help);
  schema.field("replace", replace, "Forget all other peers.");
}

void ForgetParameters::describe(Schema& schema) {
  schema.required("peers", peers, peers_help);
}

CommandInfo status_command() {
  return {"mesh.status",
          "All that the node knows of the mesh, in the shape of Weave Net's report.",
          "object",
          {{"Protocol", "Always \"weave\"."},
           {"ProtocolMinVersion", "The lowest version that is spoken."},
           {"ProtocolMaxVersion", "The highest version that is spoken."},
           {"Encryption", "Whether there is a password."},
           {"PeerDiscovery", "Whether peers are dialled that others named."},
           {"Name", "The node's."},
           {"NickName", "The node's, for people."},
           {"Port", "Where it listens."},
           {"Peers", "As mesh.peers."},
           {"UnicastRoutes[].Dest", "A peer."},
           {"UnicastRoutes[].Via", "The neighbour that frames for it are handed to."},
           {"BroadcastRoutes[].Source", "A peer."},
           {"BroadcastRoutes[].Via", "The neighbours that its broadcast frames are copied to."},
           {"Connections", "As mesh.connections."},
           {"TerminationCount", "Connections that ended so far."},
           {"Targets", "As mesh.targets."},
           {"TrustedSubnets", "Where peers need no encryption."}}};
}

CommandInfo router_command() {
  CommandInfo info = report_command("Router", status_command().fields);
  info.fields.insert(info.fields.end(), {{"OverlayDiagnostics", "An object, which overlays fill."},
                                         {"Interface", "What frames come from; no overlay bridge."},
                                         {"CaptureStats", "Null without a datapath."},
                                         {"MACs", "Null without a dataplane."}});
  return info;
}

CommandInfo connections_command() {
  return {"mesh.connections",
          "The connections of this node, and those that it tries to make.",
          "list of objects",
          {{"Address", "Of the peer."},
           {"Outbound", "Whether this node dialled."},
           {"State", "established, pending, connecting, retrying, waiting or failed."},
           {"Info", "The overlay and the peer, or what went wrong."},
           {"Attrs", "The overlay's name and MTU, and whether it encrypts; or null."}}};
}

CommandInfo peers_command() {
  return {"mesh.peers",
          "The peers of the mesh, and their connections.",
          "list of objects",
          {{"Name", "The peer's."},
           {"NickName", "The peer's, for people."},
           {"UID", "Of its process; 0: known only as somebody's neighbour."},
           {"ShortID", "Its short name."},
           {"Version", "Of what it says about itself."},
           {"Connections[].Name", "Its neighbour."},
           {"Connections[].NickName", "The neighbour's, for people."},
           {"Connections[].Address", "The neighbour's, as the peer sees it."},
           {"Connections[].Outbound", "Whether the peer dialled."},
           {"Connections[].Established", "Whether it carries frames."}}};
}

CommandInfo targets_command() {
  return {"mesh.targets", "The peers that the node was told to connect to.", "list of strings"};
}

CommandInfo direct_peers_command() {
  return {
      "mesh.direct-peers",
      "The peers that the node was told to connect to, and how it stands with each.",
      "list of objects",
      {{"Peer", "As the node was told."},
       {"Addresses[].Address", "One of its addresses."},
       {"Addresses[].State", "connected, connecting, waiting, this node, or what went wrong."},
       {"Name.Since", "When its name was found to have these addresses; absent for an address."},
       {"Name.Failure", "Why its name is not found."},
       {"Name.FailingSince", "Since when."},
       {"Name.NextLookup", "When it is looked up again."}}};
}

CommandInfo connect_command() {
  return {"mesh.connect", "Connects to peers, and keeps trying.", "null", {}};
}

CommandInfo forget_command() {
  return {"mesh.forget", "Stops trying to connect to peers; connections go on.", "null", {}};
}

}  // namespace weft::gossip
