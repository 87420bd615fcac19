/// The wire format, and datagrams that do not follow it.

#include "datagram.hpp"

#include <gtest/gtest.h>

#include <vector>

#include <weft/testing/hex.hpp>

namespace weft::udp_overlay {
namespace {

constexpr PeerName peer_a{0x020000000001};
constexpr PeerName peer_b{0x020000000002};

Bytes datagram(Kind kind, std::size_t body_bytes) {
  Bytes octets(header_bytes + body_bytes);
  write_header(octets.data(),
               {kind, 0x0102030405060708, peer_a, peer_b, static_cast<std::uint16_t>(body_bytes)});
  return octets;
}

TEST(Datagram, HasTheDocumentedOctets) {
  Bytes octets = datagram(Kind::heartbeat, heartbeat_bytes);
  write_heartbeat(octets.data() + header_bytes, {0x1112131415161718, 0x2122232425262728});

  EXPECT_EQ(octets, weft::testing::from_hex("7755"
                                            "01"
                                            "01"
                                            "0102030405060708"
                                            "020000000001"
                                            "020000000002"
                                            "0010"
                                            "1112131415161718"
                                            "2122232425262728"));
}

TEST(Datagram, IsReadAsItWasWritten) {
  Bytes octets = datagram(Kind::heartbeat, heartbeat_bytes);
  write_heartbeat(octets.data() + header_bytes, {7, 9});

  const auto parsed = parse(octets);

  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->header,
            (Header{Kind::heartbeat, 0x0102030405060708, peer_a, peer_b, heartbeat_bytes}));
  EXPECT_EQ(heartbeat_of(*parsed), (Heartbeat{7, 9}));
}

TEST(Datagram, MayCarryTheSmallestFrameButNothingSmaller) {
  Bytes smallest = datagram(Kind::frame, ethernet_header_bytes);
  Bytes smaller = datagram(Kind::frame, ethernet_header_bytes - 1);

  EXPECT_TRUE(parse(smallest));
  EXPECT_FALSE(parse(smaller));
}

TEST(Datagram, IsRefusedWhenItsLengthIsNotTheRestOfIt) {
  Bytes longer = datagram(Kind::frame, 60);
  longer.push_back({});
  Bytes shorter = datagram(Kind::frame, 60);
  shorter.pop_back();

  EXPECT_FALSE(parse(longer));
  EXPECT_FALSE(parse(shorter));
}

TEST(Datagram, IsRefusedAtEveryLengthBelowAHeader) {
  Bytes octets = datagram(Kind::frame, 60);
  for (std::size_t size = 0; size < header_bytes; ++size) {
    EXPECT_FALSE(parse(std::span(octets).first(size))) << size;
  }
}

TEST(Datagram, IsRefusedWithAnotherMagicVersionOrKind) {
  for (const std::size_t at : {0U, 1U, 2U, 3U}) {
    Bytes octets = datagram(Kind::frame, 60);
    octets[at] ^= std::byte{0x40};
    EXPECT_FALSE(parse(octets)) << at;
  }
}

TEST(Datagram, IsRefusedWhenAHeartbeatHasAnotherSize) {
  Bytes octets = datagram(Kind::heartbeat, heartbeat_bytes + 1);

  EXPECT_FALSE(parse(octets));
}

}  // namespace
}  // namespace weft::udp_overlay
