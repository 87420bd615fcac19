#pragma once
/// Cuts a connection's octets into messages and puts messages into frames.
/// Source: weaveworks/mesh protocol.go, lengthPrefixTCPSender and gobTCPSender.

#include <cstddef>
#include <optional>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

#include "common/gob/decoder.hpp"
#include "gossip/wire/features.hpp"

namespace weft::mesh {

/// Longer messages close the connection, in either direction.
inline constexpr std::size_t max_message_bytes = 10 * 1024 * 1024;

/// Octets received and not yet used. Grows with what really arrived, never with what a length
/// field promises.
class ReceiveBuffer {
 public:
  void append(ByteView octets);
  /// `bytes` are about to come: so many take no second buffer to copy them to.
  void reserve(std::size_t bytes) { octets_.reserve(bytes); }
  [[nodiscard]] ByteView view() const noexcept { return ByteView(octets_).subspan(used_); }
  void consume(std::size_t count) noexcept;

 private:
  /// What is kept of the room that a long message took.
  static constexpr std::size_t kept_bytes = 128U << 10U;

  Bytes octets_;
  std::size_t used_ = 0;
};

/// Version 2: a 32-bit length before every message. Errors: Errc::malformed for too long a message.
[[nodiscard]] Result<Bytes> encode_frame(ByteView message);
/// The next frame's content, moved out of `buffer`; nothing when more octets are needed.
/// Errors: Errc::malformed.
[[nodiscard]] Result<std::optional<Bytes>> take_frame(ReceiveBuffer& buffer);

/// Version 1: one gob stream; every message is a []byte value in it.
[[nodiscard]] Bytes encode_protocol1_frame(ByteView message);

/// The receiving side of version 1. Remembers the stream's types. Errors: Errc::malformed.
class Protocol1Reader {
 public:
  /// The feature map that comes first; nothing when more octets are needed.
  [[nodiscard]] Result<std::optional<FeatureMap>> take_features(ReceiveBuffer& buffer);
  /// The next message; nothing when more octets are needed.
  [[nodiscard]] Result<std::optional<Bytes>> take_message(ReceiveBuffer& buffer);

 private:
  gob::Decoder decoder_;
};

}  // namespace weft::mesh
