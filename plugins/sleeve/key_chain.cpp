/// X25519 and HKDF-SHA256, over libsodium.
#include "key_chain.hpp"

#include <algorithm>
#include <string_view>

#include <sodium.h>

#include "common/kdf/hkdf.hpp"
#include "raw.hpp"

namespace weft::sleeve {
namespace {

constexpr std::string_view label = "weft sleeve keys 1";

Bytes info(const KeyContext& context, const KeyTranscript& transcript) {
  const ByteView words = as_bytes(label);
  Bytes octets(words.begin(), words.end());
  const auto append = [&octets](std::size_t count) {
    octets.resize(octets.size() + count);
    return octets.data() + octets.size() - count;
  };
  *append(1) = static_cast<std::byte>(transcript.cipher);
  store_be(append(4), transcript.generation);
  store_peer_name(append(peer_name_bytes), context.dialler);
  store_peer_name(append(peer_name_bytes), context.acceptor);
  store_be(append(8), context.connection_uid);
  std::ranges::copy(transcript.dialler_key, append(sizeof(PublicKey)));
  std::ranges::copy(transcript.acceptor_key, append(sizeof(PublicKey)));
  return octets;
}

}  // namespace

KeyPair KeyPair::from_private(const Secret& private_key) {
  KeyPair pair{private_key, {}};
  crypto_scalarmult_base(raw(pair.public_key.data()), private_key.data());
  return pair;
}

KeyChain::KeyChain(const SessionKey& session_key, const KeyContext& context)
    : context_(context), chain_(session_key) {}

Result<TrafficKeys> KeyChain::advance(const KeyTranscript& transcript, const KeyPair& own,
                                      const PublicKey& remote) {
  Secret shared;
  if (crypto_scalarmult(shared.data(), own.private_key.data(), raw(remote.data())) != 0) {
    return fail(Errc::invalid, "form keys: the peer's public key is degenerate");
  }
  std::array<std::byte, 3 * sizeof(Secret)> made{};
  hkdf_sha256(shared.octets, chain_.octets, info(context_, transcript), made);
  TrafficKeys keys;
  const auto part = [&made](std::size_t index) { return made.begin() + index * sizeof(Secret); };
  std::copy_n(part(0), sizeof(Secret), chain_.octets.begin());
  std::copy_n(part(1), sizeof(Secret), keys.from_dialler.octets.begin());
  std::copy_n(part(2), sizeof(Secret), keys.from_acceptor.octets.begin());
  sodium_memzero(made.data(), made.size());
  return keys;
}

}  // namespace weft::sleeve
