#pragma once
/// The message layer of one connection once its version and key are agreed: messages to octets of
/// the stream and back, framed and, with a key, boxed. Pure.

#include <optional>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

#include "gossip/wire/crypto.hpp"
#include "gossip/wire/framing.hpp"

namespace weft::gossip {

class Session {
 public:
  /// `outbound`: this side dialled.
  Session(unsigned version, const std::optional<SessionKey>& key, bool outbound,
          mesh::Protocol1Reader protocol1 = {});

  /// Errors: Errc::malformed for a message over 10 MiB, which may not be sent.
  [[nodiscard]] Result<Bytes> encode(ByteView message);

  /// The next message in `buffer`; nothing when more octets are needed.
  /// Errors: Errc::malformed; Errc::denied when it cannot be decrypted.
  [[nodiscard]] Result<std::optional<Bytes>> next(mesh::ReceiveBuffer& buffer);

 private:
  bool is_protocol1_;
  mesh::Protocol1Reader protocol1_;
  std::optional<mesh::BoxSequence> sent_;
  std::optional<mesh::BoxSequence> received_;
};

}  // namespace weft::gossip
