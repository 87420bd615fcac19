#pragma once
/// The integers that everything in gob is made of. Source: Go encoding/gob doc.go, "Encoding
/// Details".

#include <cstdint>
#include <limits>
#include <optional>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

namespace weft::gob {

/// Numbers of Go's built-in types. User types get 64 and up, different in every process.
enum class TypeId : std::int64_t {
  boolean = 1,
  integer = 2,
  unsigned_integer = 3,
  floating = 4,
  bytes = 5,
  string = 6,
  complex = 7,
  interface = 8,
  first_user = 64,
};

/// Reads octets front to back; fails instead of reading past the end.
class Cursor {
 public:
  explicit Cursor(ByteView octets) : rest_(octets) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }

  /// Errors: Errc::malformed, here and below.
  [[nodiscard]] Result<std::uint64_t> read_uint();
  [[nodiscard]] Result<std::int64_t> read_int();
  [[nodiscard]] Result<ByteView> read_octets(std::uint64_t count);
  /// An unsigned length, then that many octets.
  [[nodiscard]] Result<ByteView> read_counted();

 private:
  ByteView rest_;
};

void append_uint(Bytes& to, std::uint64_t value);
void append_int(Bytes& to, std::int64_t value);
void append_counted(Bytes& to, ByteView octets);

/// One length-delimited message at the front of a stream.
struct Message {
  ByteView body;
  std::size_t consumed = 0;  ///< octets of the stream it took, length included
};

/// The first message of `stream`; nothing when more octets are needed.
/// Errors: Errc::malformed, also for a message longer than `limit` octets.
[[nodiscard]] Result<std::optional<Message>> split_message(
    ByteView stream, std::size_t limit = std::numeric_limits<std::size_t>::max());

}  // namespace weft::gob
