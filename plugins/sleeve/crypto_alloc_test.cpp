/// Nothing is allocated for a datagram, whatever becomes of it. A program of its own, as it
/// counts every call of malloc, also of the libraries.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>

#include <weft/testing/fake_lanes.hpp>

#include "cipher.hpp"
#include "crypto.hpp"
#include "test_support.hpp"

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

// glibc's own, below what it lets programs replace.
extern "C" void* __libc_malloc(std::size_t size);                     // NOLINT
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);  // NOLINT
extern "C" void* __libc_realloc(void* old, std::size_t size);         // NOLINT

extern "C" __attribute__((visibility("default"))) void* malloc(std::size_t size) noexcept {
  ++allocations;
  return __libc_malloc(size);
}
extern "C" __attribute__((visibility("default"))) void* calloc(std::size_t count,
                                                               std::size_t size) noexcept {
  ++allocations;
  return __libc_calloc(count, size);
}
extern "C" __attribute__((visibility("default"))) void* realloc(void* old,
                                                                std::size_t size) noexcept {
  ++allocations;
  return __libc_realloc(old, size);
}

namespace weft::sleeve {
namespace {

using Outcome = Opener::Outcome;

class CryptoAllocations : public ::testing::Test {
 protected:
  /// Seals, opens, opens again, and opens a forgery.
  void exchange() {
    std::array<std::byte, 1472> packet{};
    const std::size_t before = allocations;
    sealer.seal(DfClass::dont_fragment, packet);
    auto copy = packet;
    auto forgery = packet;
    forgery.back() ^= std::byte{1};
    const std::array outcomes{opener.open(forgery), opener.open(packet), opener.open(copy)};
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(outcomes, (std::array{Outcome::forged, Outcome::opened, Outcome::replayed}));
  }

  weft::testing::FakeLanes lanes;
  Sealer sealer{lanes, testing::golden_key(), testing::peer_a, /*is_outbound=*/true};
  Opener opener{lanes, testing::golden_key(), /*is_outbound=*/false};
};

TEST_F(CryptoAllocations, AreCounted) {
  const std::size_t before = allocations;
  const auto octet = std::make_unique<std::byte>();
  EXPECT_EQ(allocations, before + 1);
}

TEST_F(CryptoAllocations, AreNoneWithSecretbox) {
  exchange();
  exchange();
}

TEST_F(CryptoAllocations, AreNoneWithEachCipher) {
  const Ciphers ciphers;
  std::uint32_t generation = 0;
  for (const Cipher cipher : {Cipher::chacha20_poly1305, Cipher::aes_256_gcm}) {
    if (ciphers.usable().has(cipher)) {
      ++generation;
      sealer.use(generation, ciphers.make_key(cipher, Secret()), 0);
      opener.accept(generation, ciphers.make_key(cipher, Secret()), 0);
      exchange();
      exchange();
    }
  }
}

}  // namespace
}  // namespace weft::sleeve
