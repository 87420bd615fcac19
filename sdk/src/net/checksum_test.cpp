/// Sums against RFC 1071's words, at every length and alignment.

#include <gtest/gtest.h>

#include <random>

#include <weft/net/checksum.hpp>

namespace weft::net {
namespace {

/// As the RFC says it: word by word, carries added at the end.
std::uint16_t plain_sum(ByteView octets, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < octets.size(); ++i) {
    sum += std::to_integer<std::uint32_t>(octets[i]) << (i % 2 == 0 ? 8U : 0U);
  }
  while (sum >> 16U != 0) {
    sum = (sum & 0xFFFFU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(sum);
}

TEST(InternetChecksum, AddsTheExampleOfTheRfc) {
  const std::array<std::uint8_t, 8> octets{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(InternetChecksum{}.add(std::as_bytes(std::span{octets})).sum(), 0xddf2);
}

TEST(InternetChecksum, IsWordByWordAtEveryLengthAndAlignment) {
  std::mt19937 random(1);
  Bytes octets(1600);
  for (const std::byte filler : {std::byte{0xFF}, std::byte{0}}) {
    for (std::byte& octet : octets) {
      octet = filler == std::byte{0} ? static_cast<std::byte>(random()) : filler;
    }
    for (std::size_t at = 0; at < 17; ++at) {
      for (const std::size_t length :
           {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1447, 1448}) {
        const ByteView part = ByteView(octets).subspan(at, length);
        EXPECT_EQ(InternetChecksum{}.add(part).sum(), plain_sum(part)) << at << ' ' << length;
        Bytes copy(length + 1, std::byte{0x77});
        EXPECT_EQ(InternetChecksum{}.add_copying(copy.data(), part).sum(), plain_sum(part));
        EXPECT_TRUE(std::equal(part.begin(), part.end(), copy.begin())) << at << ' ' << length;
        EXPECT_EQ(copy.back(), std::byte{0x77});
      }
    }
  }
}

TEST(InternetChecksum, AddsPartsAndWords) {
  Bytes octets(100);
  std::mt19937 random(2);
  for (std::byte& octet : octets) {
    octet = static_cast<std::byte>(random());
  }
  InternetChecksum parts;
  parts.add(ByteView(octets).first(42)).add(0xFFFF).add(ByteView(octets).subspan(42)).add(0x1234);
  EXPECT_EQ(parts.sum(), plain_sum(octets, 0xFFFF + 0x1234));
  EXPECT_EQ(parts.finish(), static_cast<std::uint16_t>(~parts.sum()));
}

}  // namespace
}  // namespace weft::net
