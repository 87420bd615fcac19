/// Protocol messages to and from octets.

#include "gossip/wire/message.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "common/gob/decoder.hpp"
#include "common/gob/encoder.hpp"

namespace weft::mesh {
namespace {

constexpr std::uint64_t max_peer_name = (std::uint64_t{1} << 48U) - 1;

/// The consecutive gob values of a gossip message's body.
class BodyReader {
 public:
  explicit BodyReader(ByteView body) : stream_(body) {}

  Result<> read(std::string& text) {
    return stream_.next([&text](gob::ValueReader& value) -> Result<> {
      WEFT_TRY(text, value.as_string());
      return {};
    });
  }
  Result<> read(PeerName& name) {
    return stream_.next([&name](gob::ValueReader& value) -> Result<> {
      std::uint64_t number = 0;
      WEFT_TRY(number, value.as_uint(max_peer_name));
      name = PeerName{number};
      return {};
    });
  }
  Result<> read(ByteView& octets) {
    return stream_.next([&octets](gob::ValueReader& value) -> Result<> {
      WEFT_TRY(octets, value.as_bytes());
      return {};
    });
  }

 private:
  gob::StreamReader stream_;
};

template <class T, class... Fields>
Result<Message> parse_body(ByteView body, Fields T::*... fields) {
  T message;
  BodyReader reader(body);
  Result<> outcome;
  static_cast<void>(((outcome = reader.read(message.*fields)) && ...));
  if (!outcome) {
    return tl::unexpected(std::move(outcome).error());
  }
  return Message(std::move(message));
}

Message parse_unicast(ByteView body) {
  GossipUnicast message;
  BodyReader reader(body);
  Result<> outcome;
  static_cast<void>(
      (outcome = reader.read(message.channel)) && (outcome = reader.read(message.source)) &&
      (outcome = reader.read(message.destination)) && (outcome = reader.read(message.payload)));
  if (!outcome) {
    return DamagedUnicast{message.source, std::move(outcome).error()};
  }
  return message;
}

/// Kinds that are not known yet are no errors.
Message parse_notice(ByteView body) {
  if (body.empty() || body.size() > 1 + Notice::max_text_bytes || body[0] > std::byte{3}) {
    return UnknownMessage{};
  }
  const ByteView text = body.subspan(1);
  return Notice{static_cast<Notice::Kind>(body[0]),
                std::string(reinterpret_cast<const char*>(text.data()), text.size())};
}

/// Without a place and a sub-tag it is for nobody.
Message parse_overlay_control(ByteView body) {
  if (body.size() < 2) {
    return UnknownMessage{};
  }
  return OverlayControl{std::to_integer<std::uint8_t>(body[0]),
                        std::to_integer<std::uint8_t>(body[1]), body.subspan(2)};
}

Bytes tagged(std::uint8_t tag, ByteView body) {
  Bytes octets;
  octets.reserve(1 + body.size());
  octets.push_back(static_cast<std::byte>(tag));
  octets.insert(octets.end(), body.begin(), body.end());
  return octets;
}

template <class... Names>
Bytes encode_gossip(Tag tag, const std::string& channel, ByteView payload, Names... names) {
  gob::StreamWriter stream;
  stream.put_string(channel);
  (stream.put_uint(static_cast<std::uint64_t>(names)), ...);
  stream.put_bytes(payload);
  return tagged(static_cast<std::uint8_t>(tag), stream.take());
}

}  // namespace

Result<Message> parse_message(ByteView octets) {
  if (octets.empty()) {
    return Message(UnknownMessage{});
  }
  const auto tag = std::to_integer<std::uint8_t>(octets[0]);
  const ByteView body = octets.subspan(1);
  switch (static_cast<Tag>(tag)) {
    case Tag::heartbeat:
      return Message(Heartbeat{});
    case Tag::gossip:
      return parse_body(body, &Gossip::channel, &Gossip::sender, &Gossip::payload);
    case Tag::gossip_unicast:
      return parse_unicast(body);
    case Tag::gossip_broadcast:
      return parse_body(body, &GossipBroadcast::channel, &GossipBroadcast::originator,
                        &GossipBroadcast::payload);
    case Tag::overlay_control:
      return parse_overlay_control(body);
    case Tag::notice:
      return parse_notice(body);
    default:
      break;
  }
  if (tag >= static_cast<std::uint8_t>(Tag::compat_first) &&
      tag <= static_cast<std::uint8_t>(Tag::compat_last)) {
    return Message(CompatControl{tag, body});
  }
  return Message(UnknownMessage{});
}

Bytes encode_message(const Heartbeat& /*message*/) {
  return tagged(static_cast<std::uint8_t>(Tag::heartbeat), {});
}

Bytes encode_message(const CompatControl& message) {
  return tagged(message.subtag, message.body);
}

Bytes encode_message(const Gossip& message) {
  return encode_gossip(Tag::gossip, message.channel, message.payload, message.sender);
}

Bytes encode_message(const GossipUnicast& message) {
  return encode_gossip(Tag::gossip_unicast, message.channel, message.payload, message.source,
                       message.destination);
}

Bytes encode_message(const GossipBroadcast& message) {
  return encode_gossip(Tag::gossip_broadcast, message.channel, message.payload, message.originator);
}

Bytes encode_message(const OverlayControl& message) {
  Bytes body{std::byte{message.place}, std::byte{message.subtag}};
  body.insert(body.end(), message.body.begin(), message.body.end());
  return tagged(static_cast<std::uint8_t>(Tag::overlay_control), body);
}

Bytes encode_message(const Notice& message) {
  const auto text = std::as_bytes(
      std::span(message.text).first(std::min(message.text.size(), Notice::max_text_bytes)));
  Bytes body{static_cast<std::byte>(message.kind)};
  body.insert(body.end(), text.begin(), text.end());
  return tagged(static_cast<std::uint8_t>(Tag::notice), body);
}

}  // namespace weft::mesh
