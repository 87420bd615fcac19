/// NaCl boxes with the mesh's nonces.

#include "gossip/wire/crypto.hpp"

#include <sodium.h>

namespace weft::mesh {
namespace {

const unsigned char* raw(const std::byte* octets) {
  return reinterpret_cast<const unsigned char*>(octets);
}
unsigned char* raw(std::byte* octets) {
  return reinterpret_cast<unsigned char*>(octets);
}

constexpr std::byte dialler_bit{0x80};
constexpr std::byte tcp_bit{0x40};

}  // namespace

KeyPair KeyPair::from_private(const Key& private_key) {
  KeyPair pair{private_key, {}};
  crypto_scalarmult_base(raw(pair.public_key.data()), raw(pair.private_key.data()));
  return pair;
}

Result<SessionKey> form_session_key(const Key& private_key, const Key& remote_public,
                                    std::string_view password) {
  Key shared{};
  if (crypto_box_beforenm(raw(shared.data()), raw(remote_public.data()), raw(private_key.data())) !=
      0) {
    return fail(Errc::invalid, "form a session key: the peer's public key is degenerate");
  }
  SessionKey key{};
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, raw(shared.data()), shared.size());
  crypto_hash_sha256_update(&state, raw(as_bytes(password).data()), password.size());
  crypto_hash_sha256_final(&state, raw(key.data()));
  sodium_memzero(shared.data(), shared.size());
  return key;
}

BoxSequence::BoxSequence(const SessionKey& key, bool sender_dialled)
    : key_(key), sender_dialled_(sender_dialled) {}

std::array<unsigned char, 24> BoxSequence::next_nonce() {
  std::array<std::byte, 24> nonce{};
  nonce[0] = sender_dialled_ ? dialler_bit | tcp_bit : tcp_bit;
  store_be(nonce.data() + 16, sequence_++);
  return std::bit_cast<std::array<unsigned char, 24>>(nonce);
}

Bytes BoxSequence::seal(ByteView plain) {
  Bytes box(plain.size() + box_overhead);
  const auto nonce = next_nonce();
  crypto_secretbox_easy(raw(box.data()), raw(plain.data()), plain.size(), nonce.data(),
                        raw(key_.data()));
  return box;
}

Result<Bytes> BoxSequence::open(ByteView box) {
  if (box.size() >= box_overhead) {
    Bytes plain(box.size() - box_overhead);
    const auto nonce = next_nonce();
    if (crypto_secretbox_open_easy(raw(plain.data()), raw(box.data()), box.size(), nonce.data(),
                                   raw(key_.data())) == 0) {
      return plain;
    }
  }
  return fail(Errc::denied, "decrypt a message: the passwords differ, or it was damaged");
}

}  // namespace weft::mesh
