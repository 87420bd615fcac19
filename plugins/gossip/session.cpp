/// Framing and boxing by what the introduction agreed.

#include "gossip/session.hpp"

#include <utility>

#include <fmt/core.h>

namespace weft::gossip {

Session::Session(unsigned version, const std::optional<SessionKey>& key, bool outbound,
                 mesh::Protocol1Reader protocol1)
    : is_protocol1_(version == 1), protocol1_(std::move(protocol1)) {
  if (key) {
    sent_.emplace(*key, outbound);
    received_.emplace(*key, !outbound);
  }
}

Result<Bytes> Session::encode(ByteView message) {
  if (message.size() + mesh::box_overhead > mesh::max_message_bytes) {
    return fail(Errc::malformed, fmt::format("send a message of {} bytes", message.size()));
  }
  Bytes boxed;
  if (sent_) {
    boxed = sent_->seal(message);
    message = boxed;
  }
  if (is_protocol1_) {
    return mesh::encode_protocol1_frame(message);
  }
  return mesh::encode_frame(message);
}

Result<std::optional<Bytes>> Session::next(mesh::ReceiveBuffer& buffer) {
  std::optional<Bytes> message;
  if (is_protocol1_) {
    WEFT_TRY(message, protocol1_.take_message(buffer));
  } else {
    WEFT_TRY(message, mesh::take_frame(buffer));
  }
  if (message && received_) {
    WEFT_TRY(message, received_->open(*message));
  }
  return message;
}

}  // namespace weft::gossip
