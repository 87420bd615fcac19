/// Encryption against Weave Net's octets, in both directions.
#include "crypto.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <weft/testing/fake_lanes.hpp>

#include "cipher.hpp"
#include "key_test_support.hpp"
#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using testing::golden;
using testing::golden_key;
using testing::peer_a;
using testing::peer_b;
using Outcome = Opener::Outcome;

/// Nothing runs on it: keys are replaced at once.
weft::testing::FakeLanes& lanes() {
  static weft::testing::FakeLanes lanes;
  return lanes;
}

/// Lanes that may be in the middle of a poll cycle: nothing is dropped before the test ends.
class RetiringLanes final : public Lanes {
 public:
  [[nodiscard]] unsigned count() const noexcept override { return 2; }
  [[nodiscard]] LaneRegistration add(unsigned /*lane*/, LaneTask& /*task*/,
                                     std::vector<int> /*wake_fds*/) override {
    return {};
  }
  void synchronize() noexcept override {}
  void retire(std::shared_ptr<const void> object) noexcept override {
    retired_.push_back(std::move(object));
  }

 private:
  std::vector<std::shared_ptr<const void>> retired_;
};

/// A packet with room for the header, sealed.
Bytes seal(Sealer& sealer, DfClass df_class, const Bytes& records) {
  Bytes packet = testing::concat({Bytes(sealed_header_bytes), records});
  sealer.seal(df_class, packet);
  return packet;
}

Bytes heartbeat_record(PeerName from, PeerName to) {
  Bytes frame(heartbeat_frame_bytes);
  write_heartbeat(frame, 0x0123456789abcdef);
  return testing::record(from, to, frame);
}

TEST(Crypto, SealsWhatTheOriginalSeals) {
  Sealer sealer(lanes(), golden_key(), peer_a, /*is_outbound=*/true);
  const Bytes data = testing::record(peer_a, peer_b, golden("inner frame F1"));

  EXPECT_EQ(seal(sealer, DfClass::may_fragment, data), golden("sleeve encrypted non-DF seq0"));
  EXPECT_EQ(seal(sealer, DfClass::may_fragment, data), golden("sleeve encrypted non-DF seq1"));
  EXPECT_EQ(seal(sealer, DfClass::dont_fragment, heartbeat_record(peer_a, peer_b)),
            golden("sleeve encrypted heartbeat DF seq0"));
}

TEST(Crypto, TellsTheAcceptingSideApart) {
  Sealer sealer(lanes(), golden_key(), peer_b, /*is_outbound=*/false);

  EXPECT_EQ(seal(sealer, DfClass::dont_fragment, heartbeat_record(peer_b, peer_a)),
            golden("sleeve encrypted heartbeat DF seq0 from B"));
}

TEST(Crypto, OpensWhatTheOriginalSealedOnceOnly) {
  Opener opener(lanes(), golden_key(), /*is_outbound=*/false);
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
  Opener acceptor(lanes(), key, /*is_outbound=*/false);
  Opener dialler(lanes(), key, /*is_outbound=*/true);

  for (const char* const df_class : {"dftrue", "dffalse"}) {
    for (const char* const sequence : {"seq1", "seq0"}) {
      const auto name = [&](const char* from) {
        return std::string("sleeve-heartbeat-encrypted-") + from + "-" + df_class + "-" + sequence;
      };
      Bytes from_dialler = weft::testing::golden("sleeve-udp.txt", name("A"));
      Bytes from_acceptor = weft::testing::golden("sleeve-udp.txt", name("B"));
      EXPECT_EQ(acceptor.open(from_dialler), Outcome::opened);
      EXPECT_EQ(dialler.open(from_acceptor), Outcome::opened);
    }
  }
}

TEST(Crypto, RefusesForgeriesWithoutChangingState) {
  Opener opener(lanes(), golden_key(), /*is_outbound=*/false);
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
  Opener opener(lanes(), golden_key(), /*is_outbound=*/true);
  Bytes own = golden("sleeve encrypted non-DF seq0");

  EXPECT_EQ(opener.open(own), Outcome::forged);
}

TEST(Crypto, RefusesADatagramWithoutRoomForItsHeader) {
  Opener opener(lanes(), golden_key(), /*is_outbound=*/false);
  for (std::size_t length = peer_name_bytes; length < sealed_header_bytes; ++length) {
    Bytes packet(length);
    EXPECT_EQ(opener.open(packet), Outcome::too_short);
  }
}

/// A sealer and its peer's opener in generation 1 of weft-sleeve-keys.txt.
struct WeftPair {
  explicit WeftPair(Cipher cipher = Cipher::chacha20_poly1305) : cipher_(cipher) { go_on(1); }

  void go_on(std::uint32_t generation) {
    opener.accept(generation, key(generation), 0);
    sealer.use(generation, key(generation), 0);
  }
  [[nodiscard]] std::unique_ptr<const DatagramKey> key(std::uint32_t generation) const {
    return Ciphers().make_key(cipher_, testing::counting_from(generation));
  }

  Sealer sealer{lanes(), golden_key(), peer_a, /*is_outbound=*/true};
  Opener opener{lanes(), golden_key(), /*is_outbound=*/false};

 private:
  Cipher cipher_;
};

TEST(Crypto, SealsAndOpensTheVectorsBetweenWeftPeers) {
  for (const auto& [generation, cipher] :
       {std::pair{1U, Cipher::aes_256_gcm}, std::pair{2U, Cipher::chacha20_poly1305}}) {
    const Ciphers ciphers;
    if (!ciphers.usable().has(cipher)) {
      continue;
    }
    const std::string name = "generation-" + std::to_string(generation);
    const auto secret = [&](const std::string& direction) {
      Secret key;
      std::ranges::copy(testing::key_vector(name + direction), key.octets.begin());
      return key;
    };
    const auto key = [&](const Secret& of) { return ciphers.make_key(cipher, of); };
    const Secret one = secret("-from-dialler");
    const Secret other = secret("-from-acceptor");
    Sealer dialler(lanes(), golden_key(), peer_a, /*is_outbound=*/true);
    Sealer acceptor(lanes(), golden_key(), peer_b, /*is_outbound=*/false);
    Opener opener(lanes(), golden_key(), /*is_outbound=*/false);
    dialler.use(generation, key(one), first_number(one));
    acceptor.use(generation, key(other), first_number(other));
    opener.accept(generation, key(one), first_number(one));
    Bytes from_dialler = testing::key_vector(name + "-datagram-from-dialler");

    EXPECT_EQ(seal(dialler, DfClass::dont_fragment, heartbeat_record(peer_a, peer_b)),
              from_dialler);
    (void)seal(acceptor, DfClass::may_fragment, heartbeat_record(peer_b, peer_a));
    EXPECT_EQ(seal(acceptor, DfClass::may_fragment, heartbeat_record(peer_b, peer_a)),
              testing::key_vector(name + "-datagram-from-acceptor"));
    EXPECT_EQ(opener.open(from_dialler), Outcome::opened);
    EXPECT_EQ(Bytes(from_dialler.begin() + sealed_header_bytes, from_dialler.end()),
              heartbeat_record(peer_a, peer_b));
  }
}

TEST(Crypto, RefusesEveryChangedOctetOfAWeftDatagramWithoutChangingState) {
  WeftPair pair;
  const Bytes good = seal(pair.sealer, DfClass::may_fragment, Bytes(60));
  for (std::size_t i = peer_name_bytes; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= std::byte{0x41};
    ASSERT_EQ(pair.opener.open(bad), Outcome::forged) << i;
  }
  Bytes copy = good;
  Bytes again = good;
  EXPECT_EQ(pair.opener.open(copy), Outcome::opened);
  EXPECT_EQ(pair.opener.open(again), Outcome::replayed);
  EXPECT_EQ(again, good) << "a copy costs no decryption";
}

TEST(Crypto, OpensDatagramsInAnyOrderAndOnce) {
  WeftPair pair;
  std::vector<Bytes> packets;
  for (int i = 0; i < 100; ++i) {
    packets.push_back(
        seal(pair.sealer, i % 3 == 0 ? DfClass::dont_fragment : DfClass::may_fragment, Bytes(20)));
  }
  std::ranges::reverse(packets);
  for (const Outcome expected : {Outcome::opened, Outcome::replayed}) {
    for (Bytes packet : packets) {
      ASSERT_EQ(pair.opener.open(packet), expected);
    }
  }
}

TEST(Crypto, TakesTheGenerationBeforeUntilItIsForgotten) {
  WeftPair pair;
  Bytes early = seal(pair.sealer, DfClass::may_fragment, Bytes(20));
  Bytes late = seal(pair.sealer, DfClass::may_fragment, Bytes(20));
  Bytes copy = early;
  pair.go_on(2);
  Bytes next = seal(pair.sealer, DfClass::may_fragment, Bytes(20));

  EXPECT_EQ(pair.opener.open(next), Outcome::opened);
  EXPECT_EQ(pair.opener.open(early), Outcome::opened);
  EXPECT_EQ(pair.opener.open(copy), Outcome::replayed);
  pair.opener.forget_old();
  EXPECT_EQ(pair.opener.open(late), Outcome::forged);
  Bytes after = seal(pair.sealer, DfClass::may_fragment, Bytes(20));
  EXPECT_EQ(pair.opener.open(after), Outcome::opened);
}

TEST(Crypto, TakesNoOtherGeneration) {
  WeftPair pair;
  Bytes of_first = seal(pair.sealer, DfClass::may_fragment, Bytes(20));
  pair.sealer.use(3, pair.key(3), 0);
  Bytes of_third = seal(pair.sealer, DfClass::may_fragment, Bytes(20));
  EXPECT_EQ(pair.opener.open(of_third), Outcome::forged);

  pair.go_on(2);
  pair.go_on(3);
  EXPECT_EQ(pair.opener.open(of_first), Outcome::forged) << "two back";
}

TEST(Crypto, RefusesTheSessionKeyOnceItIsForgotten) {
  Sealer weave_net(lanes(), golden_key(), peer_a, /*is_outbound=*/true);
  WeftPair pair;
  Bytes before = seal(weave_net, DfClass::may_fragment, Bytes(20));
  Bytes after = seal(weave_net, DfClass::may_fragment, Bytes(20));

  EXPECT_EQ(pair.opener.open(before), Outcome::opened);
  pair.opener.forget_old();
  EXPECT_EQ(pair.opener.open(after), Outcome::forged);
}

TEST(Crypto, ShowsGenerationsModulo64) {
  WeftPair pair;
  pair.opener.forget_old();
  for (std::uint32_t generation = 2; generation < 140; ++generation) {
    pair.go_on(generation);
    Bytes packet = seal(pair.sealer, DfClass::dont_fragment, Bytes(20));
    ASSERT_EQ(std::to_integer<unsigned>(packet[peer_name_bytes]), 0xC0U + generation % 64);
    ASSERT_EQ(pair.opener.open(packet), Outcome::opened) << generation;
  }
}

TEST(Crypto, SealsNothingInClearWhenSequenceNumbersAreUsedUp) {
  WeftPair pair;
  pair.sealer.use(1, pair.key(1), 41, /*limit=*/1);
  Bytes last = seal(pair.sealer, DfClass::dont_fragment, Bytes(20, std::byte{7}));
  const Bytes beyond = seal(pair.sealer, DfClass::dont_fragment, Bytes(20, std::byte{7}));

  EXPECT_EQ(pair.opener.open(last), Outcome::opened);
  EXPECT_EQ(beyond, Bytes(sealed_header_bytes + 20));
}

TEST(Crypto, CountsFromAnyNumber) {
  WeftPair pair;
  constexpr std::uint64_t first = (std::uint64_t{1} << 51U) - 1;
  pair.sealer.use(1, pair.key(1), first);
  for (std::uint64_t sequence = first; sequence < first + 3; ++sequence) {
    Bytes packet = seal(pair.sealer, DfClass::may_fragment, Bytes(20));
    EXPECT_EQ(load_be<std::uint64_t>(packet.data() + peer_name_bytes),
              std::uint64_t{65} << 56U | sequence);
    EXPECT_EQ(pair.opener.open(packet), Outcome::opened);
  }
}

TEST(Crypto, LosesNothingWhenKeysChangeUnderTwoSendingLanes) {
  WeftPair pair;
  std::array<std::vector<Bytes>, 2> packets;
  RetiringLanes retiring;
  Sealer sealer(retiring, golden_key(), peer_a, /*is_outbound=*/true);
  const auto produce = [&](std::vector<Bytes>& to) {
    for (int i = 0; i < 3000; ++i) {
      to.push_back(seal(sealer, DfClass::may_fragment, Bytes(20)));
    }
  };

  std::thread first([&] { produce(packets[0]); });
  std::thread second([&] { produce(packets[1]); });
  sealer.use(1, pair.key(1), 0);
  first.join();
  second.join();

  for (auto& list : packets) {
    for (Bytes& packet : list) {
      ASSERT_EQ(pair.opener.open(packet), Outcome::opened);
    }
  }
}

TEST(Crypto, NeverUsesASequenceNumberTwiceAcrossThreads) {
  Sealer sealer(lanes(), golden_key(), peer_a, /*is_outbound=*/true);
  Opener opener(lanes(), golden_key(), /*is_outbound=*/false);
  std::array<std::vector<Bytes>, 2> packets;
  const auto produce = [&](std::vector<Bytes>& to) {
    for (int i = 0; i < 2000; ++i) {
      to.push_back(seal(sealer, DfClass::may_fragment, Bytes(20)));
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
  Sealer sealer(lanes(), golden_key(), peer_a, /*is_outbound=*/true);
  Opener opener(lanes(), golden_key(), /*is_outbound=*/false);
  std::vector<Bytes> packets;
  for (int i = 0; i < 3000; ++i) {
    packets.push_back(seal(sealer, DfClass::may_fragment, Bytes(20)));
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

  EXPECT_EQ(opened + other_opened, 3000);
}

}  // namespace
}  // namespace weft::sleeve
