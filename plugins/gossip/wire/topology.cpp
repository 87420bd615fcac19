/// Topology payloads to and from gob.

#include "gossip/wire/topology.hpp"

#include <array>

#include "common/gob/encoder.hpp"
#include "gossip/wire/nickname.hpp"

namespace weft::mesh {
namespace {

constexpr gob::TypeId peer_id{65};
constexpr gob::TypeId connections_id{67};
constexpr gob::TypeId connection_id{66};
constexpr std::uint64_t max_short_id = 65535;  // as Weave Net, which keeps 12 bits of them

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

/// Remembers the first thing that is wrong with an entry.
void find_fault(TopologyEntry& entry, bool is_wrong, const char* what) {
  if (is_wrong && !entry.fault) {
    entry.fault = Error{make_error_code(Errc::invalid), what};
  }
}

Result<> read_name(gob::ValueReader& value, PeerName& name, TopologyEntry& entry) {
  ByteView octets;
  WEFT_TRY(octets, value.as_bytes());
  if (octets.size() == peer_name_bytes) {
    name = load_peer_name(octets.data());
  }
  find_fault(entry, name == unknown_peer, "use a topology entry: a name is not six octets, not 0");
  return {};
}

Result<> read_address(gob::ValueReader& value, std::string& address, TopologyEntry& entry) {
  std::string_view content;
  WEFT_TRY(content, value.as_string());
  find_fault(entry, content.size() > max_address_bytes, "use a topology entry: an address is long");
  address = content.substr(0, max_address_bytes);
  return {};
}

Result<> read_peer(gob::ValueReader& value, TopologyEntry& entry) {
  Topology::Peer& peer = entry.peer;
  std::uint64_t id = 0;
  bool is_present = false;
  WEFT_TRY(value.as_struct([&](std::string_view field, gob::ValueReader& content) -> Result<> {
    if (field == "NameByte") {
      return read_name(content, peer.name, entry);
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
      WEFT_TRY(id, content.as_uint(max_short_id));
    } else if (field == "HasShortID") {
      WEFT_TRY(is_present, content.as_bool());
    }
    return {};
  }));
  if (is_present) {
    peer.short_id = static_cast<std::uint16_t>(id & 0xFFFU);
  }
  find_fault(entry, peer.name == unknown_peer, "use a topology entry: it has no name");
  return {};
}

Result<> read_connection(gob::ValueReader& value, TopologyEntry& entry) {
  Topology::Connection& connection = entry.peer.connections.emplace_back();
  WEFT_TRY(value.as_struct([&](std::string_view field, gob::ValueReader& content) -> Result<> {
    if (field == "NameByte") {
      return read_name(content, connection.remote, entry);
    }
    if (field == "RemoteTCPAddr") {
      return read_address(content, connection.address, entry);
    }
    if (field == "Outbound") {
      WEFT_TRY(connection.outbound, content.as_bool());
    } else if (field == "Established") {
      WEFT_TRY(connection.established, content.as_bool());
    }
    return {};
  }));
  find_fault(entry, connection.remote == unknown_peer,
             "use a topology entry: a connection has no name");
  return {};
}

/// Nothing is read of the list of an entry that cannot be used.
Result<> read_connections(gob::ValueReader& list, TopologyEntry& entry) {
  std::uint64_t count = 0;
  WEFT_TRY(count, list.count_elements());
  find_fault(entry, count > max_entry_connections,
             "use a topology entry: it has too many connections");
  if (entry.fault) {
    list.discard();
    return {};
  }
  entry.peer.connections.reserve(count);
  return list.as_list(
      [&entry](gob::ValueReader& element) { return read_connection(element, entry); });
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

std::size_t encoded_size(const Topology::Peer& peer) noexcept {
  constexpr std::size_t of_a_peer = 48;
  constexpr std::size_t of_a_connection = 16;
  std::size_t size = of_a_peer + peer.nickname.size();
  for (const Topology::Connection& connection : peer.connections) {
    size += of_a_connection + connection.address.size();
  }
  return size;
}

Result<std::optional<TopologyEntry>> TopologyReader::next() {
  std::optional<TopologyEntry> entry;
  if (stream_.at_end()) {
    return entry;
  }
  entry.emplace();
  const Result<> found =
      stream_.next([&entry](gob::ValueReader& value) { return read_peer(value, *entry); });
  if (!found && found.error().code == Errc::closed) {
    return std::optional<TopologyEntry>{};  // only type descriptions were left
  }
  WEFT_TRY(found);
  WEFT_TRY(
      stream_.next([&entry](gob::ValueReader& list) { return read_connections(list, *entry); }));
  return entry;
}

Result<std::vector<Topology::Peer>> decode_topology(ByteView payload) {
  std::vector<Topology::Peer> peers;
  TopologyReader reader(payload);
  while (true) {
    std::optional<TopologyEntry> entry;
    WEFT_TRY(entry, reader.next());
    if (!entry) {
      return peers;
    }
    if (!entry->fault) {
      peers.push_back(std::move(entry->peer));
    }
  }
}

}  // namespace weft::mesh
