/// Encryption against the original's octets, in both directions.
#include "crypto.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using testing::golden;
using testing::golden_key;
using testing::peer_a;
using testing::peer_b;
using Outcome = Opener::Outcome;

/// A packet with room for the header, sealed.
Bytes seal(Sealer& sealer, Space space, const Bytes& records) {
  Bytes packet = testing::concat({Bytes(sealed_header_bytes), records});
  sealer.seal(space, packet);
  return packet;
}

Bytes heartbeat_record(PeerName from, PeerName to) {
  Bytes frame(heartbeat_frame_bytes);
  write_heartbeat(frame, 0x0123456789abcdef);
  return testing::record(from, to, frame);
}

TEST(Crypto, SealsWhatTheOriginalSeals) {
  Sealer sealer(golden_key(), peer_a, /*is_outbound=*/true);
  const Bytes data = testing::record(peer_a, peer_b, golden("inner frame F1"));

  EXPECT_EQ(seal(sealer, Space::may_fragment, data), golden("sleeve encrypted non-DF seq0"));
  EXPECT_EQ(seal(sealer, Space::may_fragment, data), golden("sleeve encrypted non-DF seq1"));
  EXPECT_EQ(seal(sealer, Space::dont_fragment, heartbeat_record(peer_a, peer_b)),
            golden("sleeve encrypted heartbeat DF seq0"));
}

TEST(Crypto, TellsTheAcceptingSideApart) {
  Sealer sealer(golden_key(), peer_b, /*is_outbound=*/false);

  EXPECT_EQ(seal(sealer, Space::dont_fragment, heartbeat_record(peer_b, peer_a)),
            golden("sleeve encrypted heartbeat DF seq0 from B"));
}

TEST(Crypto, OpensWhatTheOriginalSealedOnceOnly) {
  Opener opener(golden_key(), /*is_outbound=*/false);
  Bytes packet = golden("sleeve encrypted non-DF seq0");
  Bytes copy = packet;

  ASSERT_EQ(opener.open(packet), Outcome::opened);

  EXPECT_EQ(Bytes(packet.begin() + sealed_header_bytes, packet.end()),
            testing::record(peer_a, peer_b, golden("inner frame F1")));
  EXPECT_EQ(opener.open(copy), Outcome::replayed);
  Bytes heartbeat = golden("sleeve encrypted heartbeat DF seq0");
  EXPECT_EQ(opener.open(heartbeat), Outcome::opened);
}

TEST(Crypto, OpensTheMeshVectorsWithTheAgreedSessionKey) {
  const Bytes key_octets = weft::testing::golden("encrypted-v2.txt", "session-key");
  SessionKey key;
  std::ranges::copy(key_octets, key.begin());
  Opener acceptor(key, /*is_outbound=*/false);
  Opener dialler(key, /*is_outbound=*/true);

  for (const char* const space : {"dftrue", "dffalse"}) {
    for (const char* const sequence : {"seq1", "seq0"}) {
      const auto name = [&](const char* from) {
        return std::string("sleeve-heartbeat-encrypted-") + from + "-" + space + "-" + sequence;
      };
      Bytes from_dialler = weft::testing::golden("sleeve-udp.txt", name("A"));
      Bytes from_acceptor = weft::testing::golden("sleeve-udp.txt", name("B"));
      EXPECT_EQ(acceptor.open(from_dialler), Outcome::opened);
      EXPECT_EQ(dialler.open(from_acceptor), Outcome::opened);
    }
  }
}

TEST(Crypto, RefusesForgeriesWithoutChangingState) {
  Opener opener(golden_key(), /*is_outbound=*/false);
  const Bytes good = golden("sleeve encrypted non-DF seq0");
  for (std::size_t i = peer_name_bytes; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= std::byte{1};
    ASSERT_EQ(opener.open(bad), Outcome::forged) << i;
  }
  Bytes copy = good;
  EXPECT_EQ(opener.open(copy), Outcome::opened);
}

TEST(Crypto, RefusesAReflectedDatagram) {
  Opener opener(golden_key(), /*is_outbound=*/true);
  Bytes own = golden("sleeve encrypted non-DF seq0");

  EXPECT_EQ(opener.open(own), Outcome::forged);
}

TEST(Crypto, RefusesADatagramWithoutRoomForItsHeader) {
  Opener opener(golden_key(), /*is_outbound=*/false);
  for (std::size_t length = peer_name_bytes; length < sealed_header_bytes; ++length) {
    Bytes packet(length);
    EXPECT_EQ(opener.open(packet), Outcome::too_short);
  }
}

TEST(Crypto, NeverUsesASequenceNumberTwiceAcrossThreads) {
  Sealer sealer(golden_key(), peer_a, /*is_outbound=*/true);
  Opener opener(golden_key(), /*is_outbound=*/false);
  std::array<std::vector<Bytes>, 2> packets;
  const auto produce = [&](std::vector<Bytes>& to) {
    for (int i = 0; i < 2000; ++i) {
      to.push_back(seal(sealer, Space::may_fragment, Bytes(20)));
    }
  };

  std::thread other([&] { produce(packets[1]); });
  produce(packets[0]);
  other.join();

  for (auto& list : packets) {
    for (Bytes& packet : list) {
      ASSERT_EQ(opener.open(packet), Outcome::opened);
    }
  }
}

TEST(Crypto, OpensEachDatagramOnceWhenTwoLanesReceiveIt) {
  Sealer sealer(golden_key(), peer_a, /*is_outbound=*/true);
  Opener opener(golden_key(), /*is_outbound=*/false);
  std::vector<Bytes> packets;
  for (int i = 0; i < 3000; ++i) {
    packets.push_back(seal(sealer, Space::may_fragment, Bytes(20)));
  }
  const auto receive = [&opener](std::vector<Bytes> copies) {
    int opened = 0;
    for (Bytes& packet : copies) {
      opened += opener.open(packet) == Outcome::opened ? 1 : 0;
    }
    return opened;
  };

  int other_opened = 0;
  std::thread other([&] { other_opened = receive(packets); });
  const int opened = receive(packets);
  other.join();

  EXPECT_LE(opened + other_opened, 3000);
  EXPECT_GT(opened + other_opened, 0);
}

}  // namespace
}  // namespace weft::sleeve
