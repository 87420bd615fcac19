/// HKDF against its RFC.
#include "common/kdf/hkdf.hpp"

#include <gtest/gtest.h>

#include <weft/testing/hex.hpp>

namespace weft {
namespace {

using weft::testing::from_hex;
using weft::testing::to_hex;

TEST(Hkdf, GivesWhatItsRfcSays) {
  // RFC 5869 appendix A.1.
  Bytes out(42);
  hkdf_sha256(Bytes(22, std::byte{0x0b}), from_hex("000102030405060708090a0b0c"),
              from_hex("f0f1f2f3f4f5f6f7f8f9"), out);
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

  // RFC 5869 appendix A.3: neither salt nor info.
  hkdf_sha256(Bytes(22, std::byte{0x0b}), {}, {}, out);
  EXPECT_EQ(to_hex(out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, GivesLongOutput) {
  // RFC 5869 appendix A.2: three blocks.
  const auto range = [](unsigned first, unsigned last) {
    Bytes octets;
    for (unsigned value = first; value <= last; ++value) {
      octets.push_back(static_cast<std::byte>(value));
    }
    return octets;
  };
  Bytes out(82);
  hkdf_sha256(range(0x00, 0x4f), range(0x60, 0xaf), range(0xb0, 0xff), out);
  EXPECT_EQ(to_hex(out),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
            "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

}  // namespace
}  // namespace weft
