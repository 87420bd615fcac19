/// AES-256-GCM over Intel's multi-buffer library (libipsec-mb).
#include <algorithm>
#include <array>

#include <intel-ipsec-mb.h>
#include <sodium.h>

#include "aes_gcm.hpp"
#include "datagram.hpp"
#include "raw.hpp"

namespace weft::sleeve {
namespace {

class MultiBufferKey final : public DatagramKey {
 public:
  MultiBufferKey(const Secret& key, aes_gcm_pre_t expand, aes_gcm_enc_dec_t encrypt,
                 aes_gcm_enc_dec_t decrypt)
      : encrypt_(encrypt), decrypt_(decrypt) {
    expand(key.data(), &key_);
  }
  ~MultiBufferKey() override { sodium_memzero(&key_, sizeof key_); }

  void seal(const std::byte* word, std::span<std::byte> body,
            std::byte* tag) const noexcept override {
    gcm_context_data context;
    encrypt_(&key_, &context, raw(body.data()), raw(body.data()), body.size(),
             aead_nonce(word).data(), nullptr, 0, raw(tag), tag_bytes);
  }

  [[nodiscard]] bool open(const std::byte* word, std::span<std::byte> body,
                          const std::byte* tag) const noexcept override {
    gcm_context_data context;
    std::array<unsigned char, tag_bytes> expected;
    decrypt_(&key_, &context, raw(body.data()), raw(body.data()), body.size(),
             aead_nonce(word).data(), nullptr, 0, expected.data(), expected.size());
    return sodium_memcmp(expected.data(), tag, expected.size()) == 0;
  }

 private:
  alignas(64) gcm_key_data key_;
  aes_gcm_enc_dec_t encrypt_;
  aes_gcm_enc_dec_t decrypt_;
};

}  // namespace

AesGcmKeyMaker detect_aes_gcm() {
  if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul")) {
    return {};
  }
  const std::unique_ptr<IMB_MGR, void (*)(IMB_MGR*)> manager(alloc_mb_mgr(0), free_mb_mgr);
  if (!manager) {
    return {};
  }
  init_mb_mgr_auto(manager.get(), nullptr);
  if (imb_get_errno(manager.get()) != 0) {
    return {};
  }
  // The manager is a table of functions; those for single messages need nothing else of it.
  return [expand = manager->gcm256_pre, encrypt = manager->gcm256_enc,
          decrypt = manager->gcm256_dec](const Secret& key) {
    return std::make_unique<const MultiBufferKey>(key, expand, encrypt, decrypt);
  };
}

}  // namespace weft::sleeve
