#pragma once
/// The keys of every generation of a connection, each made of the one before and a fresh exchange.
/// Rules and vectors: docs/protocol/sleeve-encryption.md.

#include <cstdint>

#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>
#include <weft/service/overlay.hpp>

#include "key_message.hpp"
#include "secret.hpp"

namespace weft::sleeve {

/// What both sides know of a connection, the same on both.
struct KeyContext {
  PeerName dialler{};
  PeerName acceptor{};
  std::uint64_t connection_uid = 0;
};

/// What the two sides of an exchange have said.
struct KeyTranscript {
  std::uint32_t generation = 0;
  Cipher cipher = Cipher::chacha20_poly1305;
  PublicKey dialler_key{};
  PublicKey acceptor_key{};
};

/// One for each direction.
struct TrafficKeys {
  Secret from_dialler;
  Secret from_acceptor;
};

/// A private key of X25519 and its public part.
struct KeyPair {
  Secret private_key;
  PublicKey public_key{};

  /// Of 32 random octets.
  [[nodiscard]] static KeyPair from_private(const Secret& private_key);
};

class KeyChain {
 public:
  /// Generation 0: nothing but the session key.
  KeyChain(const SessionKey& session_key, const KeyContext& context);

  /// Takes one generation's step: afterwards the chain holds nothing of which earlier keys could be
  /// made. `own` is this side's pair, `remote` the other's public key.
  /// Errors: Errc::invalid for a public key that gives no secret; nothing changes then.
  [[nodiscard]] Result<TrafficKeys> advance(const KeyTranscript& transcript, const KeyPair& own,
                                            const PublicKey& remote);

 private:
  KeyContext context_;
  Secret chain_;
};

}  // namespace weft::sleeve
