#pragma once
/// Which ciphers this node can use between weft peers, and keys for them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "aes_gcm.hpp"
#include "datagram_key.hpp"

namespace weft::sleeve {

/// As in key messages: one bit each.
enum class Cipher : std::uint8_t { chacha20_poly1305 = 1, aes_256_gcm = 2 };

[[nodiscard]] std::string_view to_string(Cipher cipher) noexcept;

/// A set of Cipher, one bit each. Always holds chacha20_poly1305, which needs no hardware.
class CipherSet {
 public:
  CipherSet() = default;
  /// Nothing when `octet` lacks chacha20_poly1305. Bits of ciphers not known here are dropped.
  [[nodiscard]] static std::optional<CipherSet> from(std::uint8_t octet) noexcept;

  [[nodiscard]] CipherSet with(Cipher cipher) const noexcept;
  [[nodiscard]] bool has(Cipher cipher) const noexcept;
  [[nodiscard]] std::uint8_t octet() const noexcept { return bits_; }
  /// The best that both have.
  [[nodiscard]] Cipher best_common(CipherSet other) const noexcept;

  bool operator==(const CipherSet&) const = default;

 private:
  std::uint8_t bits_ = static_cast<std::uint8_t>(Cipher::chacha20_poly1305);
};

/// What this processor encrypts with. A value, made once; then any thread.
class Ciphers {
 public:
  /// Looks at the processor.
  Ciphers();

  [[nodiscard]] CipherSet usable() const noexcept { return usable_; }
  /// `cipher` is one of usable().
  [[nodiscard]] std::unique_ptr<const DatagramKey> make_key(Cipher cipher, const Secret& key) const;

 private:
  AesGcmKeyMaker make_aes_gcm_;
  CipherSet usable_;
};

}  // namespace weft::sleeve
