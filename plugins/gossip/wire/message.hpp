#pragma once
/// Protocol messages: one tag octet and a body.
/// Source: weaveworks/mesh protocol.go, ProtocolMsg; connection.go and gossip_channel.go.

#include <cstdint>
#include <string>
#include <variant>

#include <weft/bytes.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

namespace weft::mesh {

enum class Tag : std::uint8_t {
  heartbeat = 0,
  compat_first = 1,  ///< 1..3: sleeve control without an overlay switch
  compat_last = 3,
  gossip = 4,
  gossip_unicast = 5,
  gossip_broadcast = 6,
  overlay_control = 7,
  notice = 8,  ///< between weft peers
};

struct Heartbeat {};

/// Tags 1 to 3: sleeve control for peers without an overlay switch.
struct CompatControl {
  std::uint8_t subtag = 0;
  ByteView body;
};

/// To neighbours; `sender` is the peer that sent this very message.
struct Gossip {
  std::string channel;
  PeerName sender{};
  ByteView payload;
};

/// To one peer, relayed unchanged.
struct GossipUnicast {
  std::string channel;
  PeerName source{};
  PeerName destination{};
  ByteView payload;
};

/// A unicast that breaks the format. Its source, once that could be read, is to blame and not the
/// neighbour that delivered it: Weave Net peers relay unicasts by their names alone.
/// Source: weaveworks/mesh gossip_channel.go, deliverUnicast.
struct DamagedUnicast {
  PeerName source{};  ///< unknown_peer when the damage comes before it
  Error error;
};

/// To all peers; relays keep the originator.
struct GossipBroadcast {
  std::string channel;
  PeerName originator{};
  ByteView payload;
};

/// Tag 7: for one of the overlays that both peers have.
struct OverlayControl {
  std::uint8_t place = 0;
  std::uint8_t subtag = 0;
  ByteView body;
};

/// Text for the operator of the other side. docs/protocol/weft-extensions.md, "Notices".
struct Notice {
  static constexpr std::size_t max_text_bytes = 512;

  enum class Kind : std::uint8_t {
    warning = 0,
    refusal = 1,     ///< the sender ends the connection
    name_taken = 2,  ///< so it does, as another peer has the receiver's name
    name_lost = 3,   ///< so it does, as another peer had that name before and is back
  };

  Kind kind = Kind::warning;
  std::string text;
};

/// No tag, or one that nobody has defined: ignored.
struct UnknownMessage {};

using Message = std::variant<Heartbeat, CompatControl, Gossip, GossipUnicast, DamagedUnicast,
                             GossipBroadcast, OverlayControl, Notice, UnknownMessage>;

/// Views point into `octets`. Errors: Errc::malformed for gossip and broadcasts that break the
/// format, which each peer encodes itself.
[[nodiscard]] Result<Message> parse_message(ByteView octets);

[[nodiscard]] Bytes encode_message(const Heartbeat& message);
[[nodiscard]] Bytes encode_message(const CompatControl& message);
[[nodiscard]] Bytes encode_message(const Gossip& message);
[[nodiscard]] Bytes encode_message(const GossipUnicast& message);
[[nodiscard]] Bytes encode_message(const GossipBroadcast& message);
[[nodiscard]] Bytes encode_message(const OverlayControl& message);
/// Cuts what is too long.
[[nodiscard]] Bytes encode_message(const Notice& message);

}  // namespace weft::mesh
