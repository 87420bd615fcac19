/// Derived keys against golden octets that another implementation made.
#include "key_chain.hpp"

#include <gtest/gtest.h>

#include "key_test_support.hpp"

namespace weft::sleeve {
namespace {

using testing::counting_from;
using testing::key_vector;

Bytes octets(const Secret& secret) {
  return {secret.octets.begin(), secret.octets.end()};
}

KeyTranscript transcript(std::uint32_t generation, Cipher cipher, const KeyPair& dialler,
                         const KeyPair& acceptor) {
  return {generation, cipher, dialler.public_key, acceptor.public_key};
}

TEST(KeyChain, MakesTheDocumentedKeysOnBothSides) {
  KeyChain dialler(testing::golden_key(), testing::golden_context);
  KeyChain acceptor(testing::golden_key(), testing::golden_context);
  std::uint32_t generation = 1;
  for (const auto& [cipher, first] :
       {std::pair{Cipher::aes_256_gcm, 0x40U}, std::pair{Cipher::chacha20_poly1305, 0x80U}}) {
    const KeyPair mine = KeyPair::from_private(counting_from(first));
    const KeyPair theirs = KeyPair::from_private(counting_from(first + 0x20));
    const KeyTranscript said = transcript(generation, cipher, mine, theirs);

    const auto one = dialler.advance(said, mine, theirs.public_key);
    const auto other = acceptor.advance(said, theirs, mine.public_key);

    const std::string name = "generation-" + std::to_string(generation++);
    ASSERT_TRUE(one && other);
    EXPECT_EQ(octets(one->from_dialler), key_vector(name + "-from-dialler"));
    EXPECT_EQ(octets(one->from_acceptor), key_vector(name + "-from-acceptor"));
    EXPECT_EQ(octets(other->from_dialler), octets(one->from_dialler));
    EXPECT_EQ(octets(other->from_acceptor), octets(one->from_acceptor));
  }
}

TEST(KeyChain, DependsOnEverythingThatWasAgreed) {
  const KeyPair mine = KeyPair::from_private(counting_from(0x40));
  const KeyPair theirs = KeyPair::from_private(counting_from(0x60));
  const auto first_key = [&](const SessionKey& session, const KeyContext& context,
                             const KeyTranscript& said) {
    return octets(KeyChain(session, context).advance(said, mine, theirs.public_key)->from_dialler);
  };
  const KeyTranscript said = transcript(1, Cipher::aes_256_gcm, mine, theirs);
  const Bytes good = first_key(testing::golden_key(), testing::golden_context, said);

  SessionKey other_session = testing::golden_key();
  other_session[31] ^= std::byte{1};
  KeyContext other_uid = testing::golden_context;
  ++other_uid.connection_uid;
  KeyContext other_peers = testing::golden_context;
  std::swap(other_peers.dialler, other_peers.acceptor);
  KeyTranscript other_cipher = said;
  other_cipher.cipher = Cipher::chacha20_poly1305;
  KeyTranscript other_generation = said;
  ++other_generation.generation;
  KeyTranscript other_key = said;
  other_key.acceptor_key[0] ^= std::byte{1};

  EXPECT_NE(first_key(other_session, testing::golden_context, said), good);
  EXPECT_NE(first_key(testing::golden_key(), other_uid, said), good);
  EXPECT_NE(first_key(testing::golden_key(), other_peers, said), good);
  EXPECT_NE(first_key(testing::golden_key(), testing::golden_context, other_cipher), good);
  EXPECT_NE(first_key(testing::golden_key(), testing::golden_context, other_generation), good);
  EXPECT_NE(first_key(testing::golden_key(), testing::golden_context, other_key), good);
}

TEST(KeyChain, RefusesPublicKeysWithoutASecretAndStaysAsItWas) {
  KeyChain chain(testing::golden_key(), testing::golden_context);
  const KeyPair mine = KeyPair::from_private(counting_from(0x40));
  const KeyPair theirs = KeyPair::from_private(counting_from(0x60));
  const KeyTranscript said = transcript(1, Cipher::aes_256_gcm, mine, theirs);

  const auto refused = chain.advance(said, mine, PublicKey{});
  const auto keys = chain.advance(said, mine, theirs.public_key);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, make_error_code(Errc::invalid));
  EXPECT_EQ(octets(keys->from_dialler), key_vector("generation-1-from-dialler"));
}

}  // namespace
}  // namespace weft::sleeve
