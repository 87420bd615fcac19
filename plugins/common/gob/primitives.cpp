/// Variable-length integers and message boundaries of gob.

#include "common/gob/primitives.hpp"

#include <algorithm>
#include <bit>

namespace weft::gob {
namespace {

constexpr std::uint64_t largest_single_octet = 0x7F;

/// Octets that follow the first one, which states them as a negated count.
std::size_t following_octets(std::byte first) {
  return 256U - std::to_integer<std::size_t>(first);
}

}  // namespace

Result<ByteView> Cursor::read_octets(std::uint64_t count) {
  if (count > rest_.size()) {
    return fail(Errc::malformed, "read gob: a length points beyond the end");
  }
  const ByteView octets = rest_.first(static_cast<std::size_t>(count));
  rest_ = rest_.subspan(octets.size());
  return octets;
}

Result<std::uint64_t> Cursor::read_uint() {
  ByteView first;
  WEFT_TRY(first, read_octets(1));
  const auto value = std::to_integer<std::uint64_t>(first[0]);
  if (value <= largest_single_octet) {
    return value;
  }
  const std::size_t count = following_octets(first[0]);
  if (count > sizeof(std::uint64_t)) {
    return fail(Errc::malformed, "read gob: an integer has more than eight octets");
  }
  ByteView octets;
  WEFT_TRY(octets, read_octets(count));
  std::uint64_t result = 0;
  for (const std::byte octet : octets) {
    result = result << 8U | std::to_integer<std::uint64_t>(octet);
  }
  return result;
}

Result<std::int64_t> Cursor::read_int() {
  std::uint64_t encoded = 0;
  WEFT_TRY(encoded, read_uint());
  const std::uint64_t magnitude = encoded >> 1U;
  return static_cast<std::int64_t>((encoded & 1U) != 0 ? ~magnitude : magnitude);
}

Result<ByteView> Cursor::read_counted() {
  std::uint64_t count = 0;
  WEFT_TRY(count, read_uint());
  return read_octets(count);
}

void append_uint(Bytes& to, std::uint64_t value) {
  if (value <= largest_single_octet) {
    to.push_back(static_cast<std::byte>(value));
    return;
  }
  const auto count = static_cast<std::size_t>(std::bit_width(value) + 7) / 8;
  to.push_back(static_cast<std::byte>(256U - count));
  for (std::size_t i = count; i-- > 0;) {
    to.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFFU));
  }
}

void append_int(Bytes& to, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  append_uint(to, value < 0 ? ~bits << 1U | 1U : bits << 1U);
}

void append_counted(Bytes& to, ByteView octets) {
  append_uint(to, octets.size());
  to.insert(to.end(), octets.begin(), octets.end());
}

Result<std::optional<Message>> split_message(ByteView stream, std::size_t limit) {
  if (stream.empty() || (stream[0] > std::byte{largest_single_octet} &&
                         following_octets(stream[0]) <= sizeof(std::uint64_t) &&
                         stream.size() <= following_octets(stream[0]))) {
    return std::optional<Message>{};
  }
  Cursor cursor(stream);
  std::uint64_t length = 0;
  WEFT_TRY(length, cursor.read_uint());
  if (length > limit) {
    return fail(Errc::malformed, "read gob: a message is longer than allowed");
  }
  if (length > cursor.remaining()) {
    return std::optional<Message>{};
  }
  const std::size_t header = stream.size() - cursor.remaining();
  const auto size = static_cast<std::size_t>(length);
  return Message{stream.subspan(header, size), header + size};
}

}  // namespace weft::gob
