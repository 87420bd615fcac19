/// Ciphers against their specifications, against each other's code, and the choice among them.
#include "cipher.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include <sodium.h>
#include <weft/testing/hex.hpp>

#include "datagram.hpp"
#include "raw.hpp"
#include "test_support.hpp"

namespace weft::sleeve {
namespace {

using weft::testing::from_hex;
using weft::testing::to_hex;

constexpr std::array both{Cipher::chacha20_poly1305, Cipher::aes_256_gcm};

/// `records` sealed: word, tag, ciphertext.
Bytes sealed(const DatagramKey& key, std::uint64_t word, const Bytes& records) {
  Bytes packet = testing::concat({Bytes(sequence_bytes + tag_bytes), records});
  store_be(packet.data(), word);
  key.seal(packet.data(), std::span(packet).subspan(sequence_bytes + tag_bytes),
           packet.data() + sequence_bytes);
  return packet;
}

bool open(const DatagramKey& key, Bytes& packet) {
  return key.open(packet.data(), std::span(packet).subspan(sequence_bytes + tag_bytes),
                  packet.data() + sequence_bytes);
}

Bytes counting(std::size_t count) {
  Bytes octets(count);
  for (std::size_t i = 0; i < count; ++i) {
    octets[i] = static_cast<std::byte>(i * 7);
  }
  return octets;
}

class EachCipher : public ::testing::TestWithParam<Cipher> {
 protected:
  void SetUp() override {
    if (!ciphers.usable().has(GetParam())) {
      GTEST_SKIP() << "this processor has no instructions for it";
    }
    key = ciphers.make_key(GetParam(), Secret(testing::golden_key()));
  }

  Ciphers ciphers;
  std::unique_ptr<const DatagramKey> key;
};
INSTANTIATE_TEST_SUITE_P(Ciphers, EachCipher, ::testing::ValuesIn(both), [](const auto& made) {
  return made.param == Cipher::aes_256_gcm ? "Aes256Gcm" : "ChaCha20Poly1305";
});

TEST_P(EachCipher, OpensWhatItSealsAtEveryLength) {
  for (std::size_t length = 0; length < 1600; ++length) {
    const Bytes records = counting(length);
    Bytes packet = sealed(*key, length << 20U, records);
    ASSERT_TRUE(open(*key, packet)) << length;
    ASSERT_TRUE(std::equal(records.begin(), records.end(),
                           packet.begin() + sequence_bytes + tag_bytes, packet.end()))
        << length;
  }
}

TEST_P(EachCipher, OpensTheLargestDatagram) {
  Bytes packet = sealed(*key, 1, counting(max_datagram_bytes));

  EXPECT_TRUE(open(*key, packet));
}

TEST_P(EachCipher, NoticesEveryChangedBit) {
  const Bytes good = sealed(*key, 77, counting(300));
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    Bytes bad = good;
    bad[i / 8] ^= std::byte{1} << (i % 8);
    ASSERT_FALSE(open(*key, bad)) << i;
  }
}

TEST_P(EachCipher, NoticesACutOrLongerDatagram) {
  Bytes cut = sealed(*key, 77, counting(300));
  Bytes longer = cut;
  cut.pop_back();
  longer.push_back({});

  EXPECT_FALSE(open(*key, cut));
  EXPECT_FALSE(open(*key, longer));
}

// Source: McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 and 14.
TEST(AesGcm, GivesWhatItsSpecificationSays) {
  const Ciphers ciphers;
  if (!ciphers.usable().has(Cipher::aes_256_gcm)) {
    GTEST_SKIP() << "this processor has no instructions for it";
  }
  const auto key = ciphers.make_key(Cipher::aes_256_gcm, Secret());

  EXPECT_EQ(to_hex(sealed(*key, 0, {})), "0000000000000000530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_EQ(to_hex(sealed(*key, 0, Bytes(16))),
            "0000000000000000d0d1c8a799996bf0265b98b5d48ab919cea7403d4d606b6e074ec5d3baf39d18");
}

TEST(AesGcm, GivesWhatLibsodiumGivesAtEveryLength) {
  const Ciphers ciphers;
  if (!ciphers.usable().has(Cipher::aes_256_gcm)) {
    GTEST_SKIP() << "this processor has no instructions for it";
  }
  const Secret secret(testing::golden_key());
  const auto key = ciphers.make_key(Cipher::aes_256_gcm, secret);
  for (std::size_t length = 0; length < 1600; ++length) {
    const Bytes records = counting(length);
    const Bytes packet = sealed(*key, 0xC100000000000000U + length, records);
    Bytes expected(tag_bytes + length);
    crypto_aead_aes256gcm_encrypt_detached(
        raw(expected.data() + tag_bytes), raw(expected.data()), nullptr, raw(records.data()),
        length, nullptr, 0, nullptr, aead_nonce(packet.data()).data(), secret.data());
    ASSERT_TRUE(
        std::equal(expected.begin(), expected.end(), packet.begin() + sequence_bytes, packet.end()))
        << length;
  }
}

// The RFC's vectors authenticate more than the records. Source: python3-cryptography,
// ChaCha20Poly1305(bytes(range(32))).encrypt(bytes(12), b"records", None).
TEST(ChaCha20Poly1305, GivesWhatOthersGive) {
  const auto key = make_chacha20_poly1305_key(Secret(testing::golden_key()));
  const ByteView text = as_bytes("records");

  EXPECT_EQ(to_hex(sealed(*key, 0, Bytes(text.begin(), text.end()))),
            "000000000000000037f042bdc474ad7e5e7872f77cef3a4b6add215edf82d5");
}

TEST(CipherSet, ChoosesAesWhereBothHaveIt) {
  const CipherSet plain;
  const CipherSet fast = plain.with(Cipher::aes_256_gcm);

  EXPECT_EQ(fast.best_common(fast), Cipher::aes_256_gcm);
  EXPECT_EQ(fast.best_common(plain), Cipher::chacha20_poly1305);
  EXPECT_EQ(plain.best_common(fast), Cipher::chacha20_poly1305);
}

TEST(CipherSet, ReadsWhatPeersOffer) {
  EXPECT_EQ(CipherSet::from(3), CipherSet().with(Cipher::aes_256_gcm));
  EXPECT_EQ(CipherSet::from(1), CipherSet());
  EXPECT_EQ(CipherSet::from(0xF9), CipherSet()) << "ciphers of later times";
  EXPECT_EQ(CipherSet::from(2), std::nullopt);
  EXPECT_EQ(CipherSet::from(0), std::nullopt);
}

}  // namespace
}  // namespace weft::sleeve
