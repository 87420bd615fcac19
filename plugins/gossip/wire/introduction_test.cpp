/// How two peers meet: Weave Net's octets in both directions, clear and encrypted, versions 1
/// and 2, and what is refused.

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

#include "gossip/wire/framing.hpp"
#include "gossip/wire/introduction.hpp"

namespace weft::mesh {
namespace {

using testing::from_hex;
using testing::golden;

Key golden_key(const char* name) {
  const Bytes octets = golden("encrypted-v2.txt", name);
  Key key{};
  std::copy(octets.begin(), octets.end(), key.begin());
  return key;
}

constexpr std::string_view password = "weave-secret";

TEST(SessionKey, IsTheSameAsTheOriginalsFromBothSides) {
  const KeyPair a = KeyPair::from_private(golden_key("private-key-A"));
  const KeyPair b = KeyPair::from_private(golden_key("private-key-B"));

  EXPECT_EQ(a.public_key, golden_key("public-key-A"));
  EXPECT_EQ(form_session_key(a.private_key, b.public_key, password), golden_key("session-key"));
  EXPECT_EQ(form_session_key(b.private_key, a.public_key, password), golden_key("session-key"));
}

TEST(SessionKey, RefusesADegeneratePublicKey) {
  EXPECT_FALSE(form_session_key(golden_key("private-key-A"), Key{}, password));
}

TEST(BoxSequence, SealsAndOpensTheOriginalsFrames) {
  BoxSequence sealing(golden_key("session-key"), true);
  const Bytes features = golden("encrypted-v2.txt", "plaintext-A");
  const Bytes introduction = golden("encrypted-v2.txt", "intro-v2-encrypted-connector");

  Bytes sent = encode_header();
  const Bytes flag = encode_encryption(golden_key("public-key-A"));
  sent.insert(sent.end(), flag.begin(), flag.end());
  const Bytes frame = *encode_frame(sealing.seal(features));
  sent.insert(sent.end(), frame.begin(), frame.end());
  EXPECT_EQ(sent, introduction);
  EXPECT_EQ(*encode_frame(sealing.seal(Bytes(1))),
            golden("encrypted-v2.txt", "heartbeat-frame-A-seq1"));
  EXPECT_EQ(*encode_frame(sealing.seal(Bytes(1))),
            golden("encrypted-v2.txt", "heartbeat-frame-A-seq2"));

  BoxSequence opening(golden_key("session-key"), false);
  ReceiveBuffer buffer;
  buffer.append(golden("encrypted-v2.txt", "intro-v2-encrypted-acceptor"));
  buffer.consume(header_bytes + encryption_flag_bytes + sizeof(Key));
  EXPECT_EQ(opening.open(**take_frame(buffer)), golden("encrypted-v2.txt", "plaintext-B"));
  buffer.append(golden("encrypted-v2.txt", "heartbeat-frame-B-seq1"));
  EXPECT_EQ(opening.open(**take_frame(buffer)), Bytes(1));
}

TEST(BoxSequence, RefusesAWrongKeyAShortBoxAndAReplay) {
  BoxSequence sealing(golden_key("session-key"), true);
  const Bytes box = sealing.seal(Bytes(5));

  EXPECT_FALSE(BoxSequence(golden_key("shared-key"), true).open(box));
  EXPECT_FALSE(BoxSequence(golden_key("session-key"), false).open(box));
  EXPECT_FALSE(BoxSequence(golden_key("session-key"), true).open(Bytes(15)));
  BoxSequence opening(golden_key("session-key"), true);
  EXPECT_TRUE(opening.open(box));
  EXPECT_FALSE(opening.open(box));
}

TEST(Features, ReadsWhatTheOriginalSends) {
  const Features features = *parse_features(*decode_map(golden("encrypted-v2.txt", "plaintext-A")));

  EXPECT_EQ(to_string(features.name), "02:00:00:00:00:01");
  EXPECT_EQ(features.nickname, "alpha");
  EXPECT_EQ(features.uid, 1311768467463790320u);
  EXPECT_EQ(features.connection_id, 81985529216486895u);
  EXPECT_EQ(features.short_id, 291);
  EXPECT_FALSE(features.is_trusted);
  EXPECT_EQ(features.overlays, (std::vector<std::string>{"fastdp", "sleeve"}));
  EXPECT_FALSE(features.weft);
}

TEST(Features, ConnectionUidIsTheXorOfBothConnectionIds) {
  const Features a = *parse_features(*decode_map(golden("encrypted-v2.txt", "plaintext-A")));
  const Features b = *parse_features(*decode_map(golden("encrypted-v2.txt", "plaintext-B")));

  EXPECT_EQ(a.connection_id ^ b.connection_id,
            load_be<std::uint64_t>(golden("handshake-v2.txt", "connection-uid").data()));
}

TEST(Features, RoundTripWithOurOwn) {
  Features features;
  features.name = PeerName{0x020000000001};
  features.nickname = "node";
  features.uid = 7;
  features.connection_id = UINT64_MAX;
  features.overlays = {{"sleeve"}};
  features.weft = {std::chrono::milliseconds(200), std::chrono::milliseconds(700)};

  const Features again = *parse_features(*decode_map(encode_map(to_map(features))));

  EXPECT_EQ(again.connection_id, UINT64_MAX);
  EXPECT_EQ(again.overlays, features.overlays);
  EXPECT_EQ(again.weft->dead_after, std::chrono::milliseconds(700));
  EXPECT_FALSE(again.short_id);
}

TEST(Features, NamesTheFieldThatIsWrong) {
  Features minimal;
  minimal.name = PeerName{1};
  const FeatureMap good = to_map(minimal);
  const auto error_with = [&good](const std::string& key, const std::string& value) {
    FeatureMap map = good;
    map[key] = value;
    const auto parsed = parse_features(map);
    return parsed ? "" : parsed.error().context;
  };
  for (const char* const key : {"PeerNameFlavour", "Name", "NickName", "UID", "ConnID"}) {
    FeatureMap map = good;
    map.erase(key);
    EXPECT_NE(parse_features(map).error().context.find(key), std::string::npos);
  }
  EXPECT_NE(error_with("ShortID", "4096").find("ShortID"), std::string::npos);
  EXPECT_NE(error_with("UID", "-1").find("UID"), std::string::npos);
  EXPECT_NE(error_with("UID", "18446744073709551616").find("UID"), std::string::npos);
  EXPECT_NE(error_with("Trusted", "yes").find("Trusted"), std::string::npos);
  EXPECT_NE(error_with("Name", "00:00:00:00:00:00").find("Name"), std::string::npos);
  EXPECT_NE(error_with("PeerNameFlavour", "hash").find("flavour"), std::string::npos);
  EXPECT_EQ(error_with("Unknown", "x"), "");
}

TEST(Header, IsTheOriginalsAndChoosesTheHighestCommonVersion) {
  EXPECT_EQ(encode_header(), golden("handshake-v2.txt", "protocol-header"));
  EXPECT_EQ(choose_version(encode_header(1, 2)), 2u);
  EXPECT_EQ(choose_version(encode_header(1, 1)), 1u);
  EXPECT_EQ(choose_version(encode_header(1, 9)), 2u);
  EXPECT_FALSE(choose_version(encode_header(3, 9)));
  EXPECT_FALSE(choose_version(encode_header(1, 1), 2, 2));
  EXPECT_FALSE(choose_version(as_bytes("weavf\x01\x02")));
  EXPECT_FALSE(choose_version(as_bytes("weave")));
}

TEST(Encryption, MustBeWantedByBothOrNeither) {
  EXPECT_EQ(parse_encryption_flag(std::byte{0}, false), false);
  EXPECT_EQ(parse_encryption_flag(std::byte{1}, true), true);
  EXPECT_FALSE(parse_encryption_flag(std::byte{0}, true));
  EXPECT_FALSE(parse_encryption_flag(std::byte{1}, false));
  EXPECT_FALSE(parse_encryption_flag(std::byte{2}, true));
}

TEST(Protocol1, ReadsTheOriginalsStreamOctetByOctet) {
  Bytes stream = golden("handshake-v1.txt", "intro-v1-plain-acceptor");
  stream.erase(stream.begin(), stream.begin() + header_bytes);
  const Bytes heartbeat = golden("handshake-v1.txt", "v1-heartbeat-B");
  stream.insert(stream.end(), heartbeat.begin(), heartbeat.end());

  ReceiveBuffer buffer;
  Protocol1Reader reader;
  std::optional<FeatureMap> features;
  std::optional<Bytes> message;
  for (const std::byte octet : stream) {
    buffer.append({&octet, 1});
    if (!features) {
      features = *reader.take_features(buffer);
    } else {
      message = *reader.take_message(buffer);
    }
  }

  ASSERT_TRUE(features);
  EXPECT_EQ(parse_features(*features)->nickname, "beta");
  EXPECT_FALSE(protocol1_public_key(*features, false)->has_value());
  EXPECT_FALSE(protocol1_public_key(*features, true));
  EXPECT_EQ(message, Bytes(1));
  EXPECT_EQ(encode_protocol1_frame(Bytes(1)), golden("handshake-v1.txt", "v1-heartbeat-A"));
}

TEST(Protocol1, SendsTheOriginalsFeatureMapButForTheirOrder) {
  const FeatureMap map = *decode_map(golden("encrypted-v2.txt", "plaintext-A"));
  Bytes plain = encode_header(1, 1);
  const Bytes features = encode_protocol1_features(map, std::nullopt);
  plain.insert(plain.end(), features.begin(), features.end());

  EXPECT_EQ(plain, golden("handshake-v1.txt", "intro-v1-plain-connector"));
}

TEST(Protocol1, CarriesThePublicKeyAsHexadecimal) {
  Bytes theirs = golden("handshake-v1.txt", "intro-v1-encrypted-connector");
  theirs.erase(theirs.begin(), theirs.begin() + header_bytes);
  const FeatureMap map = *decode_map(theirs);

  EXPECT_EQ(**protocol1_public_key(map, true), golden_key("public-key-A"));
  EXPECT_EQ(decode_map(encode_protocol1_features(map, golden_key("public-key-A"))), map);
  FeatureMap bad = map;
  bad["PublicKey"] = "zz";
  EXPECT_FALSE(protocol1_public_key(bad, true));
  bad["PublicKey"] = std::string(200, 'a');
  EXPECT_TRUE(protocol1_public_key(bad, true));
}

TEST(Frames, WaitForTheWholeMessageAndRefuseTooLongOnes) {
  ReceiveBuffer buffer;
  buffer.append(from_hex("00000002aa"));
  EXPECT_FALSE(take_frame(buffer)->has_value());
  buffer.append(from_hex("bb00000000"));
  EXPECT_EQ(**take_frame(buffer), from_hex("aabb"));
  EXPECT_EQ(**take_frame(buffer), Bytes{});
  EXPECT_FALSE(take_frame(buffer)->has_value());
  buffer.append(from_hex("00a00001"));
  EXPECT_FALSE(take_frame(buffer));
  EXPECT_FALSE(encode_frame(Bytes(max_message_bytes + 1)));
  EXPECT_TRUE(encode_frame(Bytes(max_message_bytes)));
}

}  // namespace
}  // namespace weft::mesh
