/// Keys over libsodium.
#include "datagram_key.hpp"

#include <algorithm>
#include <array>

#include <sodium.h>

#include "datagram.hpp"
#include "raw.hpp"

namespace weft::sleeve {
namespace {

class SecretboxKey final : public DatagramKey {
 public:
  SecretboxKey(const Secret& key, bool is_sender_outbound)
      : key_(key), is_sender_outbound_(is_sender_outbound) {}

  void seal(const std::byte* word, std::span<std::byte> body,
            std::byte* tag) const noexcept override {
    crypto_secretbox_detached(raw(body.data()), raw(tag), raw(body.data()), body.size(),
                              nonce(word).data(), key_.data());
  }

  [[nodiscard]] bool open(const std::byte* word, std::span<std::byte> body,
                          const std::byte* tag) const noexcept override {
    return crypto_secretbox_open_detached(raw(body.data()), raw(body.data()), raw(tag), body.size(),
                                          nonce(word).data(), key_.data()) == 0;
  }

 private:
  using Nonce = std::array<unsigned char, crypto_secretbox_NONCEBYTES>;

  /// Bit 7 of the first octet tells the directions apart; bit 6, set on TCP, is clear.
  [[nodiscard]] Nonce nonce(const std::byte* word) const noexcept {
    Nonce nonce{};
    nonce[0] = is_sender_outbound_ ? 0x80 : 0x00;
    std::copy_n(raw(word), sequence_bytes, nonce.end() - sequence_bytes);
    return nonce;
  }

  Secret key_;
  bool is_sender_outbound_;
};

class ChaCha20Poly1305Key final : public DatagramKey {
 public:
  explicit ChaCha20Poly1305Key(const Secret& key) : key_(key) {}

  void seal(const std::byte* word, std::span<std::byte> body,
            std::byte* tag) const noexcept override {
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(
        raw(body.data()), raw(tag), nullptr, raw(body.data()), body.size(), nullptr, 0, nullptr,
        aead_nonce(word).data(), key_.data());
  }

  [[nodiscard]] bool open(const std::byte* word, std::span<std::byte> body,
                          const std::byte* tag) const noexcept override {
    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(
               raw(body.data()), nullptr, raw(body.data()), body.size(), raw(tag), nullptr, 0,
               aead_nonce(word).data(), key_.data()) == 0;
  }

 private:
  Secret key_;
};

}  // namespace

std::unique_ptr<const DatagramKey> make_secretbox_key(const Secret& key, bool is_sender_outbound) {
  return std::make_unique<const SecretboxKey>(key, is_sender_outbound);
}

std::unique_ptr<const DatagramKey> make_chacha20_poly1305_key(const Secret& key) {
  return std::make_unique<const ChaCha20Poly1305Key>(key);
}

}  // namespace weft::sleeve
