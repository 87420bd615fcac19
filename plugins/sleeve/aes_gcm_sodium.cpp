/// AES-256-GCM over libsodium, for builds without Intel's multi-buffer library.
#include <sodium.h>

#include "aes_gcm.hpp"
#include "raw.hpp"

namespace weft::sleeve {
namespace {

class SodiumKey final : public DatagramKey {
 public:
  explicit SodiumKey(const Secret& key) { crypto_aead_aes256gcm_beforenm(&key_, key.data()); }
  ~SodiumKey() override { sodium_memzero(&key_, sizeof key_); }

  void seal(const std::byte* word, std::span<std::byte> body,
            std::byte* tag) const noexcept override {
    crypto_aead_aes256gcm_encrypt_detached_afternm(raw(body.data()), raw(tag), nullptr,
                                                   raw(body.data()), body.size(), nullptr, 0,
                                                   nullptr, aead_nonce(word).data(), &key_);
  }

  [[nodiscard]] bool open(const std::byte* word, std::span<std::byte> body,
                          const std::byte* tag) const noexcept override {
    return crypto_aead_aes256gcm_decrypt_detached_afternm(
               raw(body.data()), nullptr, raw(body.data()), body.size(), raw(tag), nullptr, 0,
               aead_nonce(word).data(), &key_) == 0;
  }

 private:
  crypto_aead_aes256gcm_state key_;  // aligned as the library wants it
};

}  // namespace

AesGcmKeyMaker detect_aes_gcm() {
  // The library knows no instructions before it is initialised; doing so again changes nothing.
  if (sodium_init() < 0 || crypto_aead_aes256gcm_is_available() != 1) {
    return {};
  }
  return [](const Secret& key) { return std::make_unique<const SodiumKey>(key); };
}

}  // namespace weft::sleeve
