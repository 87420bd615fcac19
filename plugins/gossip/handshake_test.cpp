/// Introductions against the octets of Weave Net, in both roles and versions.

#include "gossip/handshake.hpp"

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

#include "gossip/wire/message.hpp"

namespace weft::gossip {
namespace {

using testing::golden;

mesh::Features features_of(std::uint64_t number) {
  mesh::Features features;
  features.name = PeerName{0x020000000000 + number};
  features.nickname = number == 1 ? "alpha" : "beta";
  features.uid = number == 1 ? 1311768467463790320U : 11068046444225730969U;
  features.connection_id = number == 1 ? 81985529216486895U : 72623859790382856U;
  features.short_id = static_cast<std::uint16_t>(number == 1 ? 291 : 1110);
  features.overlays = {"fastdp", "sleeve"};
  return features;
}

mesh::Key golden_key(const char* name) {
  const Bytes octets = golden("encrypted-v2.txt", name);
  mesh::Key key{};
  std::copy(octets.begin(), octets.end(), key.begin());
  return key;
}

/// A, the dialling side, or B of the vectors.
Handshake side(bool is_a, const std::string& password = {}) {
  Handshake::Settings settings;
  settings.outbound = is_a;
  settings.password = password;
  settings.features = mesh::to_map(features_of(is_a ? 1 : 2));
  settings.private_key = golden_key(is_a ? "private-key-A" : "private-key-B");
  return Handshake(std::move(settings));
}

void append(Bytes& to, const Bytes& octets) {
  to.insert(to.end(), octets.begin(), octets.end());
}

/// Everything `ours` sends when the peer sends `theirs`, one octet at a time.
Result<Bytes> converse(Handshake& ours, const Bytes& theirs) {
  Bytes sent = ours.begin();
  mesh::ReceiveBuffer buffer;
  for (const std::byte octet : theirs) {
    buffer.append({&octet, 1});
    auto answer = ours.advance(buffer);
    if (!answer) {
      return answer;
    }
    append(sent, *answer);
  }
  return sent;
}

TEST(Handshake, InClearSendsAndTakesTheOriginalsOctets) {
  Handshake a = side(true);

  const auto sent = converse(a, golden("handshake-v2.txt", "intro-v2-plain-acceptor"));

  ASSERT_TRUE(sent);
  EXPECT_EQ(testing::to_hex(*sent),
            testing::to_hex(golden("handshake-v2.txt", "intro-v2-plain-connector")));
  ASSERT_EQ(a.stage(), Handshake::Stage::done);
  const Introduction introduction = a.take();
  EXPECT_EQ(introduction.version, 2U);
  EXPECT_FALSE(introduction.key);
  EXPECT_EQ(mesh::parse_features(introduction.features)->nickname, "beta");
}

TEST(Handshake, EncryptedTakesTheOriginalsOctetsAndGoesOnWithItsBoxes) {
  for (const bool is_a : {true, false}) {
    Handshake ours = side(is_a, "weave-secret");
    Bytes theirs = golden("encrypted-v2.txt",
                          is_a ? "intro-v2-encrypted-acceptor" : "intro-v2-encrypted-connector");
    ASSERT_TRUE(converse(ours, theirs));
    ASSERT_EQ(ours.stage(), Handshake::Stage::done);
    Introduction introduction = ours.take();

    const Bytes key = golden("encrypted-v2.txt", "session-key");
    EXPECT_TRUE(std::equal(key.begin(), key.end(), introduction.key->begin()));
    EXPECT_EQ(
        testing::to_hex(*introduction.session.encode(mesh::encode_message(mesh::Heartbeat{}))),
        testing::to_hex(golden("encrypted-v2.txt",
                               is_a ? "heartbeat-frame-A-seq1" : "heartbeat-frame-B-seq1")));
    mesh::ReceiveBuffer buffer;
    buffer.append(
        golden("encrypted-v2.txt", is_a ? "heartbeat-frame-B-seq1" : "heartbeat-frame-A-seq1"));
    EXPECT_EQ(**introduction.session.next(buffer), Bytes{std::byte{0}});
  }
}

TEST(Handshake, SpeaksProtocolOneWithPeersThatKnowNoOther) {
  for (const bool is_encrypted : {false, true}) {
    Handshake a = side(true, is_encrypted ? "weave-secret" : "");
    const auto sent =
        converse(a, golden("handshake-v1.txt", is_encrypted ? "intro-v1-encrypted-acceptor"
                                                            : "intro-v1-plain-acceptor"));

    ASSERT_TRUE(sent);
    const Bytes theirs = golden("handshake-v1.txt", is_encrypted ? "intro-v1-encrypted-connector"
                                                                 : "intro-v1-plain-connector");
    EXPECT_EQ(*mesh::decode_map(ByteView(*sent).subspan(mesh::header_bytes)),  // in any order
              *mesh::decode_map(ByteView(theirs).subspan(mesh::header_bytes)));
    if (is_encrypted) {
      EXPECT_EQ(a.stage(), Handshake::Stage::proof);
      mesh::ReceiveBuffer proof;
      proof.append(golden("handshake-v1.txt", "v1-heartbeat-B-seq0"));
      ASSERT_TRUE(a.advance(proof));
    }
    ASSERT_EQ(a.stage(), Handshake::Stage::done);
    Introduction introduction = a.take();
    EXPECT_EQ(introduction.version, 1U);
    EXPECT_FALSE(mesh::parse_features(introduction.features)->overlays);
    if (is_encrypted) {
      EXPECT_EQ(introduction.proof, Bytes{std::byte{0}});
      continue;
    }
    EXPECT_EQ(
        testing::to_hex(*introduction.session.encode(mesh::encode_message(mesh::Heartbeat{}))),
        testing::to_hex(golden("handshake-v1.txt", "v1-heartbeat-A")));
    mesh::ReceiveBuffer buffer;
    buffer.append(golden("handshake-v1.txt", "v1-heartbeat-B"));
    EXPECT_EQ(**introduction.session.next(buffer), Bytes{std::byte{0}});
  }
}

TEST(Handshake, InProtocolOneEachSideProvesThePasswordBehindItsFeatures) {
  Handshake a = side(true, "weave-secret");
  const Bytes features = golden("handshake-v1.txt", "intro-v1-encrypted-acceptor");
  const auto sent = converse(a, features);

  ASSERT_TRUE(sent);
  const Bytes proof = golden("handshake-v1.txt", "v1-heartbeat-A-seq0");
  ASSERT_GT(sent->size(), proof.size());
  EXPECT_EQ(testing::to_hex({sent->end() - static_cast<std::ptrdiff_t>(proof.size()), sent->end()}),
            testing::to_hex(proof));

  Bytes forged = golden("handshake-v1.txt", "v1-heartbeat-B-seq0");
  forged.back() ^= std::byte{1};
  mesh::ReceiveBuffer buffer;
  buffer.append(forged);
  const auto refused = a.advance(buffer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, make_error_code(Errc::denied));
}

TEST(Handshake, AMessageRightBehindTheFeaturesIsNotLost) {
  Handshake a = side(true);
  mesh::ReceiveBuffer buffer;
  buffer.append(golden("handshake-v2.txt", "intro-v2-plain-acceptor"));
  buffer.append(*mesh::encode_frame(mesh::encode_message(mesh::Heartbeat{})));

  ASSERT_TRUE(a.advance(buffer));

  EXPECT_EQ(**a.take().session.next(buffer), Bytes{std::byte{0}});
}

TEST(Handshake, RefusesWhatDoesNotFit) {
  const auto refuses = [](Handshake ours, Bytes theirs) {
    mesh::ReceiveBuffer buffer;
    buffer.append(theirs);
    return !ours.advance(buffer);
  };
  const Bytes plain = golden("handshake-v2.txt", "intro-v2-plain-acceptor");
  const Bytes encrypted = golden("encrypted-v2.txt", "intro-v2-encrypted-acceptor");

  EXPECT_TRUE(refuses(side(true, "weave-secret"), plain));
  EXPECT_TRUE(refuses(side(true), encrypted));
  EXPECT_TRUE(refuses(side(true, "wrong"), encrypted));
  for (std::size_t at = 0; at < 5; ++at) {
    Bytes stranger = plain;
    stranger[at] ^= std::byte{1};
    EXPECT_TRUE(refuses(side(true), stranger));
  }
  Bytes newer = plain;
  newer[5] = newer[6] = std::byte{3};
  EXPECT_TRUE(refuses(side(true), newer));
  Bytes bad_flag = plain;
  bad_flag[7] = std::byte{2};
  EXPECT_TRUE(refuses(side(true), bad_flag));
  Bytes long_features = plain;
  long_features[8] = std::byte{0xFF};
  EXPECT_TRUE(refuses(side(true), long_features));
}

TEST(Handshake, RefusesProtocolOneWhenItIsSwitchedOff) {
  Handshake::Settings settings;
  settings.lowest_version = 2;
  Handshake ours(std::move(settings));
  mesh::ReceiveBuffer buffer;
  buffer.append(golden("handshake-v1.txt", "intro-v1-plain-acceptor"));

  EXPECT_FALSE(ours.advance(buffer));
}

}  // namespace
}  // namespace weft::gossip
