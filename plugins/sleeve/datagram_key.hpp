#pragma once
/// A key of one direction of a connection: encrypts or decrypts the records of one datagram.

#include <cstddef>
#include <memory>
#include <span>

#include "secret.hpp"

namespace weft::sleeve {

/// Lanes share it: using it changes nothing in it. Nothing here allocates, blocks or throws.
class DatagramKey {
 public:
  virtual ~DatagramKey() = default;

  /// Encrypts `body` in place and writes the tag_bytes at `tag`. `word` is the sequence word as it
  /// travels; with one key no word may ever come twice.
  virtual void seal(const std::byte* word, std::span<std::byte> body,
                    std::byte* tag) const noexcept = 0;
  /// Decrypts `body` in place. False: forged, and `body` holds nothing of use.
  [[nodiscard]] virtual bool open(const std::byte* word, std::span<std::byte> body,
                                  const std::byte* tag) const noexcept = 0;

 protected:
  DatagramKey() = default;
  DatagramKey(const DatagramKey&) = delete;
  DatagramKey& operator=(const DatagramKey&) = delete;
};

/// Weave Net's: XSalsa20 and Poly1305. Both directions share `key`; their nonces differ by
/// which side dialled. Source: weaveworks/weave router/frame_crypto.go.
[[nodiscard]] std::unique_ptr<const DatagramKey> make_secretbox_key(const Secret& key,
                                                                    bool is_sender_outbound);
/// Source: RFC 8439.
[[nodiscard]] std::unique_ptr<const DatagramKey> make_chacha20_poly1305_key(const Secret& key);

}  // namespace weft::sleeve
