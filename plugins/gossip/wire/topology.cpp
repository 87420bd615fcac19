/// Topology payloads to and from gob.

#include "gossip/wire/topology.hpp"

#include <array>

#include "common/gob/decoder.hpp"
#include "common/gob/encoder.hpp"
#include "gossip/wire/nickname.hpp"

namespace weft::mesh {
namespace {

constexpr gob::TypeId peer_id{65};
constexpr gob::TypeId connections_id{67};
constexpr gob::TypeId connection_id{66};
constexpr std::size_t max_address_bytes = 64;
constexpr std::uint64_t max_short_id = 65535;  // as the original, which keeps 12 bits of them

/// peerSummary, by field index.
enum PeerField : unsigned { name_byte, nick_name, uid, version, short_id, has_short_id };
/// connectionSummary, by field index.
enum ConnectionField : unsigned { remote_name_byte, remote_address, outbound, established };

gob::Descriptor peer_type() {
  using gob::TypeId;
  return gob::struct_type(peer_id, "peerSummary",
                          {{"NameByte", TypeId::bytes},
                           {"NickName", TypeId::string},
                           {"UID", TypeId::unsigned_integer},
                           {"Version", TypeId::unsigned_integer},
                           {"ShortID", TypeId::unsigned_integer},
                           {"HasShortID", TypeId::boolean}});
}

gob::Descriptor connection_type() {
  using gob::TypeId;
  return gob::struct_type(connection_id, "connectionSummary",
                          {{"NameByte", TypeId::bytes},
                           {"RemoteTCPAddr", TypeId::string},
                           {"Outbound", TypeId::boolean},
                           {"Established", TypeId::boolean}});
}

std::array<std::byte, peer_name_bytes> name_octets(PeerName name) {
  std::array<std::byte, peer_name_bytes> octets{};
  store_peer_name(octets.data(), name);
  return octets;
}

void put_peer(gob::StructWriter& fields, const Topology::Peer& peer) {
  fields.put_bytes(name_byte, name_octets(peer.name));
  fields.put_string(nick_name, peer.nickname);
  fields.put_uint(uid, peer.uid);
  fields.put_uint(version, peer.version);
  fields.put_uint(short_id, peer.short_id.value_or(0));
  fields.put_bool(has_short_id, peer.short_id.has_value());
}

void put_connections(Bytes& body, const std::vector<Topology::Connection>& connections) {
  gob::append_uint(body, connections.size());
  for (const Topology::Connection& connection : connections) {
    gob::StructWriter fields(body);
    fields.put_bytes(remote_name_byte, name_octets(connection.remote));
    fields.put_string(remote_address, connection.address);
    fields.put_bool(outbound, connection.outbound);
    fields.put_bool(established, connection.established);
    fields.end();
  }
}

Result<> read_name(gob::ValueReader& value, PeerName& name) {
  ByteView octets;
  WEFT_TRY(octets, value.as_bytes());
  if (octets.size() != peer_name_bytes) {
    return fail(Errc::malformed, "read topology: a peer name is not six octets long");
  }
  name = load_peer_name(octets.data());
  return {};
}

Result<> read_peer(gob::ValueReader& value, Topology::Peer& peer) {
  std::uint16_t id = 0;
  bool is_present = false;
  WEFT_TRY(value.as_struct([&](std::string_view field, gob::ValueReader& content) -> Result<> {
    if (field == "NameByte") {
      return read_name(content, peer.name);
    }
    if (field == "NickName") {
      std::string_view nickname;
      WEFT_TRY(nickname, content.as_string());
      peer.nickname = clip_nickname(nickname);
    } else if (field == "UID") {
      WEFT_TRY(peer.uid, content.as_uint());
    } else if (field == "Version") {
      WEFT_TRY(peer.version, content.as_uint());
    } else if (field == "ShortID") {
      std::uint64_t number = 0;
      WEFT_TRY(number, content.as_uint(max_short_id));
      id = static_cast<std::uint16_t>(number & 0xFFFU);
    } else if (field == "HasShortID") {
      WEFT_TRY(is_present, content.as_bool());
    }
    return {};
  }));
  if (is_present) {
    peer.short_id = id;
  }
  if (peer.name == unknown_peer) {
    return fail(Errc::malformed, "read topology: a peer has no name");
  }
  return {};
}

Result<> read_connection(gob::ValueReader& value, Topology::Connection& connection) {
  WEFT_TRY(value.as_struct([&](std::string_view field, gob::ValueReader& content) -> Result<> {
    if (field == "NameByte") {
      return read_name(content, connection.remote);
    }
    if (field == "RemoteTCPAddr") {
      WEFT_TRY(connection.address, content.as_string());
    } else if (field == "Outbound") {
      WEFT_TRY(connection.outbound, content.as_bool());
    } else if (field == "Established") {
      WEFT_TRY(connection.established, content.as_bool());
    }
    return {};
  }));
  if (connection.remote == unknown_peer || connection.address.size() > max_address_bytes) {
    return fail(Errc::malformed, "read topology: a connection without a name, or a bad address");
  }
  return {};
}

}  // namespace

Bytes encode_topology(const std::vector<const Topology::Peer*>& peers) {
  gob::StreamWriter stream;
  stream.describe(peer_type());
  bool is_first = true;
  for (const Topology::Peer* const peer : peers) {
    stream.put_struct(peer_id, [peer](gob::StructWriter& fields) { put_peer(fields, *peer); });
    if (is_first) {
      stream.describe(gob::slice_type(connections_id, "", connection_id));
      stream.describe(connection_type());
      is_first = false;
    }
    stream.put_value(connections_id,
                     [peer](Bytes& body) { put_connections(body, peer->connections); });
  }
  return stream.take();
}

Result<std::vector<Topology::Peer>> decode_topology(ByteView payload) {
  std::vector<Topology::Peer> peers;
  gob::StreamReader stream(payload);
  while (!stream.at_end()) {
    Topology::Peer peer;
    const Result<> found =
        stream.next([&peer](gob::ValueReader& value) { return read_peer(value, peer); });
    if (!found && found.error().code == Errc::closed) {
      break;  // only type descriptions were left
    }
    WEFT_TRY(found);
    WEFT_TRY(stream.next([&peer](gob::ValueReader& value) {
      return value.as_list([&peer](gob::ValueReader& element) {
        return read_connection(element, peer.connections.emplace_back());
      });
    }));
    peers.push_back(std::move(peer));
  }
  return peers;
}

}  // namespace weft::mesh
