/// Messages about keys against their golden octets, and damaged ones.
#include "key_message.hpp"

#include <gtest/gtest.h>

#include "key_chain.hpp"
#include "key_test_support.hpp"

namespace weft::sleeve {
namespace {

using testing::counting_from;
using testing::key_vector;

PublicKey public_key(unsigned first) {
  return KeyPair::from_private(counting_from(first)).public_key;
}

TEST(KeyMessage, IsWrittenAndReadAsDocumented) {
  const KeyOffer offer{CipherSet().with(Cipher::aes_256_gcm), 1, public_key(0x40)};
  const KeyAnswer answer{Cipher::chacha20_poly1305, 2, public_key(0xA0)};

  EXPECT_EQ(encode(offer), key_vector("generation-1-offer"));
  EXPECT_EQ(encode(answer), key_vector("generation-2-answer"));
  EXPECT_EQ(encode(KeysInUse{2}), key_vector("generation-2-in-use"));
  EXPECT_EQ(decode_key_offer(encode(offer)), offer);
  EXPECT_EQ(decode_key_answer(encode(answer)), answer);
  EXPECT_EQ(decode_keys_in_use(encode(KeysInUse{2})), KeysInUse{2});
}

TEST(KeyMessage, IsRefusedAtAnyOtherLength) {
  for (std::size_t length = 0; length < 80; ++length) {
    Bytes body(length, std::byte{1});
    EXPECT_EQ(decode_key_offer(body).has_value(), length == 37) << length;
    EXPECT_EQ(decode_key_answer(body).has_value(), length == 37) << length;
    EXPECT_EQ(decode_keys_in_use(body).has_value(), length == 4) << length;
  }
}

TEST(KeyMessage, NamesOneKnownCipherInAnAnswer) {
  Bytes body = key_vector("generation-1-answer");
  for (const unsigned wrong : {0U, 3U, 4U, 255U}) {
    body[0] = static_cast<std::byte>(wrong);
    EXPECT_FALSE(decode_key_answer(body)) << wrong;
  }
}

}  // namespace
}  // namespace weft::sleeve
