/// Keys and announcements against Weave Net's octets.

#include "keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>

#include <weft/testing/hex.hpp>

namespace weft::ipsec {
namespace {

using weft::testing::from_hex;
using weft::testing::to_hex;

// Source: dp-ipsec.txt, first lines.
constexpr PeerName peer_a{0x7a0102030405};
constexpr PeerName peer_b{0x7a0a0b0c0d0e};

/// `first`, `first` + 1, ...
std::array<std::byte, 32> counting_from(unsigned first) {
  std::array<std::byte, 32> octets;
  for (std::byte& octet : octets) {
    octet = static_cast<std::byte>(first++);
  }
  return octets;
}

/// What follows "`key`=" in the first section of dp-ipsec.txt whose title begins with `section`.
std::string golden(const std::string& section, const std::string& key) {
  std::ifstream input(WEFT_SOURCE_DIR "/tests/interop/vectors/dp-ipsec.txt");
  std::string line;
  bool is_wanted = false;
  while (std::getline(input, line)) {
    if (line.starts_with("## ")) {
      is_wanted = line.substr(3).starts_with(section);
    } else if (is_wanted && line.starts_with(key + "=")) {
      return line.substr(key.size() + 1);
    }
  }
  throw std::runtime_error("no vector '" + section + "', " + key);
}

TEST(Keys, AreTheOriginals) {
  const SessionKey session = counting_from(0x00);

  EXPECT_EQ(to_hex(derive_key(session, counting_from(0x20), peer_a).octets),
            golden("SA B->A", "key32") + golden("SA B->A", "salt4"));
  EXPECT_EQ(to_hex(derive_key(session, counting_from(0x80), peer_b).octets),
            golden("SA A->B", "key32") + golden("SA A->B", "salt4"));
}

TEST(Offer, IsTheOriginals) {
  const SaOffer offer{counting_from(0x20), 0xc0ffee01};
  const Bytes body = from_hex(golden("InitSARemote", "hex"));

  EXPECT_EQ(encode(offer), body);
  EXPECT_EQ(decode_offer(body).value(), offer);
}

TEST(Offer, IsRefusedWithAnyOtherLength) {
  Bytes body = encode({counting_from(0x20), 0xc0ffee01});
  for (const std::size_t length : {0U, 36U, 63U, 65U, 1024U}) {
    body.resize(length);
    const auto refused = decode_offer(body);
    ASSERT_FALSE(refused) << length;
    EXPECT_EQ(refused.error().code, Errc::malformed);
    EXPECT_NE(refused.error().context.find(std::to_string(length)), std::string::npos);
  }
}

TEST(Offer, IsRefusedWithAReservedSpi) {
  EXPECT_FALSE(decode_offer(encode({{}, 0})));
  EXPECT_FALSE(decode_offer(encode({{}, 0xff})));
  EXPECT_TRUE(decode_offer(encode({{}, 0x100})));
}

TEST(Offer, IgnoresWhatStandsInItsPadding) {
  Bytes body = encode({counting_from(0x20), 0xc0ffee01});
  body.back() = std::byte{1};
  EXPECT_EQ(decode_offer(body).value().spi, 0xc0ffee01U);
}

}  // namespace
}  // namespace weft::ipsec
