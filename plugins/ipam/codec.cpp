/// Writes and reads the gob forms of rings, votes, ranges and holdings.

#include "codec.hpp"

#include <limits>

#include <fmt/core.h>

#include "common/gob/decoder.hpp"
#include "common/gob/encoder.hpp"

namespace weft::ipam {

namespace {

using gob::StructWriter;
using gob::TypeId;
using gob::ValueReader;

constexpr TypeId uint_type = TypeId::unsigned_integer;

// Type ids and names as a fresh Go process gives them, so that our octets equal the golden ones.
namespace gossip_id {
constexpr TypeId state{65}, nicknames{66}, node{67}, claims{68}, proposal{69}, accepted{70},
    value{71}, paxos{72}, ring{73}, entry{74}, entries{75}, peers{76};
}
namespace stored_id {
constexpr TypeId ring{65}, entry{66}, entries{67}, peers{68};
constexpr TypeId holding{65}, cidr{66}, cidrs{67}, holdings{68};
}  // namespace stored_id

void describe_ring(gob::StreamWriter& to, TypeId ring, TypeId entry, TypeId entries, TypeId peers) {
  to.describe(gob::struct_type(ring, "Ring",
                               {{"Start", uint_type},
                                {"End", uint_type},
                                {"Peer", uint_type},
                                {"Entries", entries},
                                {"Seeds", peers}}));
  to.describe(gob::slice_type(entries, "entries", entry));
  to.describe(gob::struct_type(
      entry, "",
      {{"Token", uint_type}, {"Peer", uint_type}, {"Version", uint_type}, {"Free", uint_type}}));
  to.describe(gob::slice_type(peers, "[]mesh.PeerName", uint_type));
}

/// Every type, used or not: receivers of any release then know them all.
void describe_gossip(gob::StreamWriter& to) {
  using namespace gossip_id;
  to.describe(gob::struct_type(
      state, "gossipState",
      {{"Now", TypeId::integer}, {"Nicknames", nicknames}, {"Paxos", paxos}, {"Ring", ring}}));
  to.describe(gob::map_type(nicknames, "map[mesh.PeerName]string", uint_type, TypeId::string));
  to.describe(gob::map_type(paxos, "GossipState", node, claims));
  to.describe(gob::struct_type(node, "", {{"Name", uint_type}, {"UID", uint_type}}));
  to.describe(gob::struct_type(
      claims, "", {{"Promise", proposal}, {"Accepted", proposal}, {"AcceptedVal", accepted}}));
  to.describe(gob::struct_type(proposal, "ProposalID", {{"Round", uint_type}, {"Proposer", node}}));
  to.describe(
      gob::struct_type(accepted, "AcceptedValue", {{"Value", value}, {"Origin", proposal}}));
  to.describe(gob::slice_type(value, "Value", uint_type));
  describe_ring(to, ring, entry, entries, peers);
}

void put_peers(StructWriter& to, unsigned index, const std::vector<PeerName>& peers) {
  if (peers.empty()) {
    return;
  }
  Bytes& body = to.begin(index);
  gob::append_uint(body, peers.size());
  for (const PeerName peer : peers) {
    gob::append_uint(body, static_cast<std::uint64_t>(peer));
  }
}

void append_node(Bytes& to, const NodeId& node) {
  StructWriter fields(to);
  fields.put_uint(0, static_cast<std::uint64_t>(node.name));
  fields.put_uint(1, node.uid);
  fields.end();
}

void append_proposal(Bytes& to, const ProposalId& proposal) {
  StructWriter fields(to);
  fields.put_uint(0, proposal.round);
  append_node(fields.begin(1), proposal.proposer);
  fields.end();
}

void append_claims(Bytes& to, const NodeClaims& claims) {
  StructWriter fields(to);
  append_proposal(fields.begin(0), claims.promise);
  append_proposal(fields.begin(1), claims.accepted);
  StructWriter value(fields.begin(2));
  put_peers(value, 0, claims.value.peers);
  append_proposal(value.begin(1), claims.value.origin);
  value.end();
  fields.end();
}

void put_ring(StructWriter& to, const RingState& ring, PeerName self) {
  to.put_uint(0, ring.universe.start);
  to.put_uint(1, ring.universe.end);
  to.put_uint(2, static_cast<std::uint64_t>(self));
  if (!ring.entries.empty()) {
    Bytes& body = to.begin(3);
    gob::append_uint(body, ring.entries.size());
    for (const RingEntry& entry : ring.entries) {
      StructWriter fields(body);
      fields.put_uint(0, entry.token);
      fields.put_uint(1, static_cast<std::uint64_t>(entry.peer));
      fields.put_uint(2, entry.version);
      fields.put_uint(3, entry.free);
      fields.end();
    }
  }
  put_peers(to, 4, ring.seeds);
}

Result<std::uint32_t> read_uint32(ValueReader& from) {
  std::uint64_t value = 0;
  WEFT_TRY(value, from.as_uint(std::numeric_limits<std::uint32_t>::max()));
  return static_cast<std::uint32_t>(value);
}

Result<PeerName> read_peer(ValueReader& from) {
  std::uint64_t value = 0;
  WEFT_TRY(value, from.as_uint());
  return PeerName{value};
}

/// One more than `most` are read at most: who reads the list sees that it is too long.
Result<std::vector<PeerName>> read_peers(ValueReader& from, std::size_t most) {
  std::vector<PeerName> peers;
  WEFT_TRY(from.as_list([&peers, most](ValueReader& element) -> Result<> {
    PeerName peer{};
    WEFT_TRY(peer, read_peer(element));
    if (peers.size() <= most) {
      peers.push_back(peer);
    }
    return {};
  }));
  return peers;
}

Result<RingEntry> read_entry(ValueReader& from) {
  RingEntry entry;
  WEFT_TRY(from.as_struct([&entry](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Token") {
      WEFT_TRY(entry.token, read_uint32(field));
    } else if (name == "Peer") {
      WEFT_TRY(entry.peer, read_peer(field));
    } else if (name == "Version") {
      WEFT_TRY(entry.version, read_uint32(field));
    } else if (name == "Free") {
      WEFT_TRY(entry.free, read_uint32(field));
    }
    return {};
  }));
  return entry;
}

struct ToldRing {
  RingState ring;
  PeerName teller{};
};

Result<ToldRing> read_told_ring(ValueReader& from) {
  ToldRing told;
  RingState& ring = told.ring;
  WEFT_TRY(from.as_struct([&ring, &told](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Start") {
      WEFT_TRY(ring.universe.start, read_uint32(field));
    } else if (name == "End") {
      WEFT_TRY(ring.universe.end, read_uint32(field));
    } else if (name == "Seeds") {
      WEFT_TRY(ring.seeds, read_peers(field, max_seeds));
      if (ring.seeds.size() > max_seeds) {
        return fail(Errc::malformed, fmt::format("read the ring's seeds: more than {}", max_seeds));
      }
    } else if (name == "Peer") {
      WEFT_TRY(told.teller, read_peer(field));
    } else if (name == "Entries") {
      return field.as_list([&ring](ValueReader& element) -> Result<> {
        RingEntry entry;
        WEFT_TRY(entry, read_entry(element));
        // One more shows the merge that there are too many.
        if (ring.entries.size() <= max_ring_entries) {
          ring.entries.push_back(entry);
        }
        return {};
      });
    }
    return {};
  }));
  return told;
}

Result<RingState> read_ring(ValueReader& from) {
  ToldRing told;
  WEFT_TRY(told, read_told_ring(from));
  return std::move(told.ring);
}

Result<NodeId> read_node(ValueReader& from) {
  NodeId node;
  WEFT_TRY(from.as_struct([&node](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Name") {
      WEFT_TRY(node.name, read_peer(field));
    } else if (name == "UID") {
      WEFT_TRY(node.uid, field.as_uint());
    }
    return {};
  }));
  return node;
}

Result<ProposalId> read_proposal(ValueReader& from) {
  ProposalId proposal;
  WEFT_TRY(from.as_struct([&proposal](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Round") {
      WEFT_TRY(proposal.round, field.as_uint());
    } else if (name == "Proposer") {
      WEFT_TRY(proposal.proposer, read_node(field));
    }
    return {};
  }));
  return proposal;
}

Result<AcceptedValue> read_accepted_value(ValueReader& from) {
  AcceptedValue value;
  WEFT_TRY(from.as_struct([&value](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Value") {
      WEFT_TRY(value.peers, read_peers(field, max_vote_peers));
    } else if (name == "Origin") {
      WEFT_TRY(value.origin, read_proposal(field));
    }
    return {};
  }));
  return value;
}

Result<NodeClaims> read_claims(ValueReader& from) {
  NodeClaims claims;
  WEFT_TRY(from.as_struct([&claims](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Promise") {
      WEFT_TRY(claims.promise, read_proposal(field));
    } else if (name == "Accepted") {
      WEFT_TRY(claims.accepted, read_proposal(field));
    } else if (name == "AcceptedVal") {
      WEFT_TRY(claims.value, read_accepted_value(field));
    }
    return {};
  }));
  if (claims.accepted.is_valid() && claims.value.peers.empty()) {
    // Weave Net would divide the ring among nobody, and crash.
    return fail(Errc::malformed, "read a vote: accepted an empty list of peers");
  }
  return claims;
}

Result<PaxosState> read_paxos(ValueReader& from) {
  PaxosState paxos;
  WEFT_TRY(from.as_map([&paxos](ValueReader& key, ValueReader& value) -> Result<> {
    NodeId node;
    WEFT_TRY(node, read_node(key));
    NodeClaims claims;
    WEFT_TRY(claims, read_claims(value));
    if (paxos.size() < max_votes) {
      paxos[node] = std::move(claims);
    }
    return {};
  }));
  return paxos;
}

Result<net::Cidr> read_cidr(ValueReader& from) {
  net::Cidr cidr;
  WEFT_TRY(from.as_struct([&cidr](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Addr") {
      Address address = 0;
      WEFT_TRY(address, read_uint32(field));
      cidr.address = net::IpAddress::v4(address);
    } else if (name == "PrefixLen") {
      std::int64_t length = 0;
      WEFT_TRY(length, field.as_int());
      if (length < 0 || length > 32) {
        return fail(Errc::malformed, "read a stored address: its prefix length is not 0 to 32");
      }
      cidr.prefix_length = static_cast<std::uint8_t>(length);
    }
    return {};
  }));
  return cidr;
}

Result<Holding> read_holding(ValueReader& from) {
  Holding holding;
  WEFT_TRY(from.as_struct([&holding](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "IsContainer") {
      WEFT_TRY(holding.is_container, field.as_bool());
    } else if (name == "Cidrs") {
      return field.as_list([&holding](ValueReader& element) -> Result<> {
        net::Cidr cidr;
        WEFT_TRY(cidr, read_cidr(element));
        holding.addresses.push_back(cidr);
        return {};
      });
    }
    return {};
  }));
  return holding;
}

/// Reads the stream's one value.
template <class T>
Result<T> read_single(ByteView octets, Result<T> (*read)(ValueReader&)) {
  T result{};
  WEFT_TRY(gob::StreamReader(octets).next([&result, read](ValueReader& value) -> Result<> {
    WEFT_TRY(result, read(value));
    return {};
  }));
  return result;
}

Result<GossipState> read_gossip(ValueReader& from) {
  GossipState state;
  WEFT_TRY(from.as_struct([&state](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Now") {
      WEFT_TRY(state.now, field.as_int());
    } else if (name == "Nicknames") {
      WEFT_TRY(state.nicknames, read_nicknames(field));
    } else if (name == "Paxos") {
      WEFT_TRY(state.paxos, read_paxos(field));
    } else if (name == "Ring") {
      ToldRing told;
      WEFT_TRY(told, read_told_ring(field));
      state.ring = std::move(told.ring);
      state.ring_teller = told.teller;
    }
    return {};
  }));
  return state;
}

Result<AddressRange> read_range(ValueReader& from) {
  AddressRange range;
  WEFT_TRY(from.as_struct([&range](std::string_view name, ValueReader& field) -> Result<> {
    if (name == "Start") {
      WEFT_TRY(range.start, read_uint32(field));
    } else if (name == "End") {
      WEFT_TRY(range.end, read_uint32(field));
    }
    return {};
  }));
  return range;
}

Result<Holdings> read_holdings(ValueReader& from) {
  Holdings holdings;
  WEFT_TRY(from.as_map([&holdings](ValueReader& key, ValueReader& value) -> Result<> {
    std::string_view owner;
    WEFT_TRY(owner, key.as_string());
    WEFT_TRY(holdings[std::string(owner)], read_holding(value));
    return {};
  }));
  return holdings;
}

Bytes with_kind(MessageKind kind, ByteView body) {
  Bytes message{static_cast<std::byte>(kind)};
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

}  // namespace

Bytes encode_gossip(const GossipState& state, PeerName self) {
  gob::StreamWriter stream;
  describe_gossip(stream);
  stream.put_struct(gossip_id::state, [&](StructWriter& fields) {
    fields.put_int(0, state.now);
    Bytes& body = fields.begin(1);
    put_nicknames(body, state.nicknames);
    if (state.paxos) {
      gob::append_uint(fields.begin(2), state.paxos->size());
      for (const auto& [node, claims] : *state.paxos) {
        append_node(body, node);
        append_claims(body, claims);
      }
    }
    if (state.ring) {
      StructWriter ring(fields.begin(3));
      put_ring(ring, *state.ring, self);
      ring.end();
    }
  });
  return stream.take();
}

Result<GossipState> decode_gossip(ByteView octets) {
  return read_single(octets, read_gossip);
}

Bytes encode_range_message(MessageKind kind, AddressRange range) {
  constexpr TypeId type{65};
  gob::StreamWriter stream;
  stream.describe(gob::struct_type(type, "Range", {{"Start", uint_type}, {"End", uint_type}}));
  stream.put_struct(type, [range](StructWriter& fields) {
    fields.put_uint(0, range.start);
    fields.put_uint(1, range.end);
  });
  return with_kind(kind, stream.take());
}

Bytes encode_ring_update(ByteView gossip) {
  return with_kind(MessageKind::ring_update, gossip);
}

Result<AddressRange> decode_range(ByteView octets) {
  return read_single(octets, read_range);
}

Bytes encode_stored_ring(const RingState& ring, PeerName self) {
  using namespace stored_id;
  gob::StreamWriter stream;
  describe_ring(stream, stored_id::ring, entry, entries, peers);
  stream.put_struct(stored_id::ring, [&](StructWriter& fields) { put_ring(fields, ring, self); });
  return stream.take();
}

Bytes encode_stored_name(PeerName self) {
  gob::StreamWriter stream;
  stream.put_uint(static_cast<std::uint64_t>(self));
  return stream.take();
}

Bytes encode_stored_holdings(const Holdings& stored) {
  using namespace stored_id;
  gob::StreamWriter stream;
  stream.describe(gob::map_type(holdings, "", TypeId::string, holding));
  stream.describe(
      gob::struct_type(holding, "", {{"IsContainer", TypeId::boolean}, {"Cidrs", cidrs}}));
  stream.describe(gob::slice_type(cidrs, "[]address.CIDR", cidr));
  stream.describe(
      gob::struct_type(cidr, "CIDR", {{"Addr", uint_type}, {"PrefixLen", TypeId::integer}}));
  stream.put_value(holdings, [&stored](Bytes& body) {
    gob::append_uint(body, stored.size());
    for (const auto& [owner, held] : stored) {
      gob::append_counted(body, as_bytes(owner));
      StructWriter fields(body);
      fields.put_bool(0, held.is_container);
      if (!held.addresses.empty()) {
        gob::append_uint(fields.begin(1), held.addresses.size());
        for (const net::Cidr& address : held.addresses) {
          StructWriter element(body);
          element.put_uint(0, address.address.v4_value());
          element.put_int(1, address.prefix_length);
          element.end();
        }
      }
      fields.end();
    }
  });
  return stream.take();
}

Result<RingState> decode_stored_ring(ByteView octets) {
  return read_single(octets, read_ring);
}

Result<PeerName> decode_stored_name(ByteView octets) {
  return read_single(octets, read_peer);
}

Result<Holdings> decode_stored_holdings(ByteView octets) {
  return read_single(octets, read_holdings);
}

}  // namespace weft::ipam
