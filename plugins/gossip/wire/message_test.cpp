/// Protocol messages: Weave Net's octets in both directions, and hostile ones.

#include "gossip/wire/message.hpp"

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

namespace weft::mesh {
namespace {

using testing::from_hex;
using testing::golden;

constexpr PeerName p1{0x020000000001};
constexpr PeerName p2{0x020000000002};
constexpr PeerName p3{0xfedcba987654};

template <class T>
T parsed(const Bytes& octets) {
  return std::get<T>(*parse_message(octets));
}

Bytes copy(ByteView octets) {
  return {octets.begin(), octets.end()};
}

TEST(Message, GossipIsTheOriginals) {
  const Bytes octets = golden("gossip-messages.txt", "gossip-payload");
  const auto message = parsed<Gossip>(octets);

  EXPECT_EQ(message.channel, "topology");
  EXPECT_EQ(message.sender, p1);
  EXPECT_EQ(copy(message.payload), from_hex("dead"));
  EXPECT_EQ(encode_message(message), octets);
}

TEST(Message, BroadcastIsTheOriginals) {
  const Bytes octets = golden("gossip-messages.txt", "broadcast-payload");
  const auto message = parsed<GossipBroadcast>(octets);

  EXPECT_EQ(message.originator, p3);
  EXPECT_EQ(encode_message(message), octets);
}

TEST(Message, UnicastIsTheOriginals) {
  const Bytes octets = golden("gossip-messages.txt", "unicast-payload");
  const auto message = parsed<GossipUnicast>(octets);

  EXPECT_EQ(message.source, p1);
  EXPECT_EQ(message.destination, p2);
  EXPECT_EQ(encode_message(message), octets);
}

TEST(Message, OverlayControlIsTheOriginals) {
  const Bytes octets = golden("overlay-control.txt", "overlay-sleeve-pmtu-verified");
  const auto message = parsed<OverlayControl>(octets);

  EXPECT_EQ(message.place, 1);
  EXPECT_EQ(message.subtag, 3);
  EXPECT_EQ(copy(message.body), from_hex("058a"));
  EXPECT_EQ(encode_message(message), octets);
  EXPECT_TRUE(parsed<OverlayControl>(from_hex("070001")).body.empty());
  parsed<UnknownMessage>(from_hex("07"));
  parsed<UnknownMessage>(from_hex("0700"));
}

TEST(Message, HeartbeatsMayHaveABodyAndUnknownTagsAreToldApart) {
  EXPECT_EQ(encode_message(Heartbeat{}), from_hex("00"));
  parsed<Heartbeat>(from_hex("00ffff"));
  EXPECT_EQ(parsed<CompatControl>(from_hex("03058a")).subtag, 3);
  parsed<UnknownMessage>(from_hex("08"));
  parsed<UnknownMessage>(from_hex("ff00"));
  parsed<UnknownMessage>({});
}

TEST(Message, NoticesKeepTheirTextUpToALimitAndUnknownKindsAreIgnored) {
  const auto notice = parsed<Notice>(encode_message(Notice{Notice::Kind::refusal, "meet"}));

  EXPECT_EQ(encode_message(notice), from_hex("08016d656574"));
  EXPECT_EQ(notice.kind, Notice::Kind::refusal);
  EXPECT_EQ(notice.text, "meet");
  EXPECT_EQ(parsed<Notice>(from_hex("0802")).kind, Notice::Kind::name_taken);
  EXPECT_EQ(parsed<Notice>(from_hex("0803")).kind, Notice::Kind::name_lost);
  const Notice longest{Notice::Kind::warning, std::string(Notice::max_text_bytes + 1, 'x')};
  EXPECT_EQ(parsed<Notice>(encode_message(longest)).text.size(), Notice::max_text_bytes);
  parsed<UnknownMessage>(from_hex("0804"));
  Bytes too_long = encode_message(longest);
  too_long.push_back(std::byte{'x'});
  parsed<UnknownMessage>(too_long);
}

TEST(Message, RefusesEveryTruncationOfGossip) {
  for (const char* const name : {"gossip-payload", "broadcast-payload"}) {
    const Bytes octets = golden("gossip-messages.txt", name);
    for (std::size_t length = 1; length < octets.size(); ++length) {
      EXPECT_FALSE(parse_message(ByteView(octets).first(length))) << name << length;
    }
  }
}

TEST(Message, TellsWhoWroteADamagedUnicastIfItSaysSo) {
  const Bytes octets = golden("gossip-messages.txt", "unicast-payload");
  const PeerName source = parsed<GossipUnicast>(octets).source;
  EXPECT_EQ(parsed<DamagedUnicast>(copy(ByteView(octets).first(octets.size() - 1))).source, source);
  for (std::size_t length = 1; length < octets.size(); ++length) {
    const auto damaged = parsed<DamagedUnicast>(copy(ByteView(octets).first(length)));
    EXPECT_TRUE(damaged.source == source || damaged.source == unknown_peer) << length;
  }
}

}  // namespace
}  // namespace weft::mesh
