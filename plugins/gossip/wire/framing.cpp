/// Length-prefixed frames of version 2 and the endless gob stream of version 1.

#include "gossip/wire/framing.hpp"

#include <functional>
#include <utility>

#include <fmt/core.h>

#include "common/gob/encoder.hpp"

namespace weft::mesh {
namespace {

constexpr std::size_t length_bytes = 4;
/// The largest message of version 1 as a gob value: type, zero octet and length come on top.
constexpr std::size_t max_gob_message_bytes = max_message_bytes + 16;

tl::unexpected<Error> too_long(std::size_t length) {
  return fail(Errc::malformed, fmt::format("handle a message of {} octets: the limit is {}", length,
                                           max_message_bytes));
}

/// Decodes messages until one holds a value; true when `read` got it.
Result<bool> take_value(gob::Decoder& decoder, ReceiveBuffer& buffer,
                        const std::function<Result<>(gob::ValueReader&)>& read) {
  while (true) {
    std::optional<gob::Message> message;
    WEFT_TRY(message, gob::split_message(buffer.view(), max_gob_message_bytes));
    if (!message) {
      return false;
    }
    bool is_value = false;
    WEFT_TRY(is_value, decoder.decode(message->body, read));
    buffer.consume(message->consumed);
    if (is_value) {
      return true;
    }
  }
}

}  // namespace

void ReceiveBuffer::append(ByteView octets) {
  octets_.erase(octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ = 0;
  octets_.insert(octets_.end(), octets.begin(), octets.end());
}

void ReceiveBuffer::consume(std::size_t count) noexcept {
  used_ += count;
  if (octets_.capacity() > kept_bytes && octets_.size() - used_ <= kept_bytes) {
    octets_ = Bytes(octets_.begin() + static_cast<std::ptrdiff_t>(used_), octets_.end());
    used_ = 0;
  }
}

Result<Bytes> encode_frame(ByteView message) {
  if (message.size() > max_message_bytes) {
    return too_long(message.size());
  }
  Bytes frame(length_bytes);
  frame.reserve(length_bytes + message.size());
  store_be(frame.data(), static_cast<std::uint32_t>(message.size()));
  frame.insert(frame.end(), message.begin(), message.end());
  return frame;
}

Result<std::optional<Bytes>> take_frame(ReceiveBuffer& buffer) {
  const ByteView view = buffer.view();
  if (view.size() < length_bytes) {
    return std::optional<Bytes>{};
  }
  const std::size_t length = load_be<std::uint32_t>(view.data());
  if (length > max_message_bytes) {
    return too_long(length);
  }
  if (view.size() - length_bytes < length) {
    return std::optional<Bytes>{};
  }
  const ByteView content = view.subspan(length_bytes, length);
  Bytes message(content.begin(), content.end());
  buffer.consume(length_bytes + length);
  return std::optional<Bytes>(std::move(message));
}

Bytes encode_protocol1_frame(ByteView message) {
  gob::StreamWriter stream;
  stream.put_bytes(message);
  return stream.take();
}

Result<std::optional<FeatureMap>> Protocol1Reader::take_features(ReceiveBuffer& buffer) {
  FeatureMap features;
  bool is_complete = false;
  WEFT_TRY(is_complete, take_value(decoder_, buffer, [&](gob::ValueReader& value) -> Result<> {
             WEFT_TRY(features, read_map(value));
             return {};
           }));
  return is_complete ? std::optional(std::move(features)) : std::nullopt;
}

Result<std::optional<Bytes>> Protocol1Reader::take_message(ReceiveBuffer& buffer) {
  Bytes message;
  bool is_complete = false;
  WEFT_TRY(is_complete, take_value(decoder_, buffer, [&](gob::ValueReader& value) -> Result<> {
             ByteView octets;
             WEFT_TRY(octets, value.as_bytes());
             message.assign(octets.begin(), octets.end());
             return {};
           }));
  return is_complete ? std::optional(std::move(message)) : std::nullopt;
}

}  // namespace weft::mesh
