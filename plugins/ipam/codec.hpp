#pragma once
/// The octets of the address ring: gossip states, unicast messages and what is kept on disk.
/// Pure; input may be hostile.
/// Source: weaveworks/weave ipam/allocator.go, gossipState; docs/protocol/ipam.md.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "nickname.hpp"
#include "paxos.hpp"
#include "ring.hpp"

namespace weft::ipam {

/// What one peer tells others. A peer with a ring sends the ring; one without sends its vote, which
/// may be empty; an observer without a ring sends neither, and so asks for one.
struct GossipState {
  std::int64_t now = 0;  ///< Unix seconds; receivers ignore it
  Nicknames nicknames;
  std::optional<PaxosState> paxos;
  std::optional<RingState> ring;
  PeerName ring_teller{};  ///< who the ring says sent it; nobody checks that
};

/// The first octet of a unicast payload. A Weave Net peer never reads on after any other.
enum class MessageKind : std::uint8_t { space_request = 0, ring_update = 1, space_denied = 2 };

/// `self` is the sender, which receivers ignore.
[[nodiscard]] Bytes encode_gossip(const GossipState& state, PeerName self);
/// Entries, nicknames and votes beyond what may be kept are passed over. Errors: Errc::malformed.
[[nodiscard]] Result<GossipState> decode_gossip(ByteView octets);

/// A complete unicast payload of one of the two kinds that carry a range.
[[nodiscard]] Bytes encode_range_message(MessageKind kind, AddressRange range);
/// A complete unicast payload with a gossip state.
[[nodiscard]] Bytes encode_ring_update(ByteView gossip);
/// The range of a space request or denial, without the kind. Errors: Errc::malformed.
[[nodiscard]] Result<AddressRange> decode_range(ByteView octets);

/// The addresses of one owner.
struct Holding {
  bool is_container = false;  ///< set by Weave Net for containers it watched; kept as found
  std::vector<net::Cidr> addresses;

  bool operator==(const Holding&) const = default;
};

/// By owner: a container id, "weave:expose", or an address for anonymous owners.
using Holdings = std::map<std::string, Holding, std::less<>>;

/// Values of Weave Net's database, octet for octet.
/// Source: weaveworks/weave db/boltdb.go, ipam/allocator.go, persistRing.
[[nodiscard]] Bytes encode_stored_ring(const RingState& ring, PeerName self);
[[nodiscard]] Bytes encode_stored_name(PeerName self);
[[nodiscard]] Bytes encode_stored_holdings(const Holdings& holdings);
/// Errors: Errc::malformed, here and below.
[[nodiscard]] Result<RingState> decode_stored_ring(ByteView octets);
[[nodiscard]] Result<PeerName> decode_stored_name(ByteView octets);
[[nodiscard]] Result<Holdings> decode_stored_holdings(ByteView octets);

}  // namespace weft::ipam
