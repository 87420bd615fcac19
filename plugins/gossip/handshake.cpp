/// The introduction, step by step.

#include "gossip/handshake.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "gossip/wire/message.hpp"

namespace weft::gossip {
namespace {

void append(Bytes& to, const Bytes& octets) {
  to.insert(to.end(), octets.begin(), octets.end());
}

}  // namespace

Bytes Handshake::begin() const {
  return mesh::encode_header(settings_.lowest_version);
}

/// What waits behind a finished introduction is not part of it.
Result<Bytes> Handshake::advance(mesh::ReceiveBuffer& buffer) {
  const std::size_t before = buffer.view().size();
  Bytes send;
  if (const auto stepped = step(buffer, send); !stepped) {
    last_words_ = std::move(send);
    return tl::unexpected(stepped.error());
  }
  const std::size_t waiting = buffer.view().size();
  used_bytes_ += before - waiting;
  if (used_bytes_ + (stage_ == Stage::done ? 0 : waiting) > max_bytes) {
    return fail(Errc::malformed,
                fmt::format("meet the peer: its introduction is longer than {} bytes", max_bytes));
  }
  return send;
}

Result<> Handshake::step(mesh::ReceiveBuffer& buffer, Bytes& send) {
  bool has_moved = true;
  while (has_moved) {
    switch (stage_) {
      case Stage::header:
        WEFT_TRY(has_moved, on_header(buffer, send));
        break;
      case Stage::encryption:
        WEFT_TRY(has_moved, on_encryption(buffer, send));
        break;
      case Stage::features:
        if (version_ == 1) {
          WEFT_TRY(has_moved, on_protocol1_features(buffer, send));
        } else {
          WEFT_TRY(has_moved, on_features(buffer));
        }
        break;
      case Stage::proof:
        WEFT_TRY(has_moved, on_proof(buffer));
        break;
      case Stage::done:
        has_moved = false;
        break;
    }
  }
  return {};
}

Result<bool> Handshake::on_header(mesh::ReceiveBuffer& buffer, Bytes& send) {
  if (buffer.view().size() < mesh::header_bytes) {
    return false;
  }
  WEFT_TRY(version_,
           mesh::choose_version(buffer.view().first(mesh::header_bytes), settings_.lowest_version));
  buffer.consume(mesh::header_bytes);
  if (version_ == 1) {
    append(send, mesh::encode_protocol1_features(settings_.features, public_key()));
    stage_ = Stage::features;
    return true;
  }
  append(send, mesh::encode_encryption(public_key()));
  if (settings_.password.empty()) {
    WEFT_TRY(open_session(std::nullopt));
    WEFT_TRY(send_features(send));
  }
  stage_ = Stage::encryption;
  return true;
}

Result<bool> Handshake::on_encryption(mesh::ReceiveBuffer& buffer, Bytes& send) {
  const ByteView octets = buffer.view();
  if (octets.empty()) {
    return false;
  }
  bool is_encrypted = false;
  WEFT_TRY(is_encrypted, mesh::parse_encryption_flag(octets.front(), !settings_.password.empty()));
  mesh::Key remote_key{};
  const std::size_t needed =
      mesh::encryption_flag_bytes + (is_encrypted ? remote_key.size() : std::size_t{0});
  if (octets.size() < needed) {
    return false;
  }
  if (is_encrypted) {
    std::copy_n(octets.begin() + mesh::encryption_flag_bytes, remote_key.size(),
                remote_key.begin());
    WEFT_TRY(open_session(remote_key));
    WEFT_TRY(send_features(send));
  }
  buffer.consume(needed);
  stage_ = Stage::features;
  return true;
}

Result<bool> Handshake::on_features(mesh::ReceiveBuffer& buffer) {
  std::optional<Bytes> message;
  WEFT_TRY(message, session_->next(buffer));
  if (!message) {
    return false;
  }
  mesh::FeatureMap features;
  WEFT_TRY(features, mesh::decode_map(*message));
  introduction_.emplace(
      Introduction{version_, key_, std::move(features), *std::move(session_), std::nullopt});
  stage_ = Stage::done;
  return true;
}

/// Protocol 1 sends the map in clear, with the key in it; boxes begin with the next message.
Result<bool> Handshake::on_protocol1_features(mesh::ReceiveBuffer& buffer, Bytes& send) {
  std::optional<mesh::FeatureMap> features;
  WEFT_TRY(features, protocol1_.take_features(buffer));
  if (!features) {
    return false;
  }
  std::optional<mesh::Key> remote_key;
  WEFT_TRY(remote_key, mesh::protocol1_public_key(*features, !settings_.password.empty()));
  WEFT_TRY(open_session(remote_key));
  stage_ = Stage::done;
  if (key_) {
    Bytes proof;
    WEFT_TRY(proof, session_->encode(mesh::encode_message(mesh::Heartbeat{})));
    append(send, proof);
    stage_ = Stage::proof;
  }
  introduction_.emplace(Introduction{version_, key_, mesh::protocol1_subset(*features),
                                     *std::move(session_), std::nullopt});
  return true;
}

Result<bool> Handshake::on_proof(mesh::ReceiveBuffer& buffer) {
  WEFT_TRY(introduction_->proof, introduction_->session.next(buffer));
  if (!introduction_->proof) {
    return false;
  }
  stage_ = Stage::done;
  return true;
}

Result<> Handshake::open_session(const std::optional<mesh::Key>& remote_key) {
  if (remote_key) {
    WEFT_TRY(key_, mesh::form_session_key(settings_.private_key, *remote_key, settings_.password));
  }
  session_.emplace(version_, key_, settings_.outbound, std::move(protocol1_));
  return {};
}

Result<> Handshake::send_features(Bytes& send) {
  Bytes frame;
  WEFT_TRY(frame, session_->encode(mesh::encode_map(settings_.features)));
  append(send, frame);
  return {};
}

std::optional<mesh::Key> Handshake::public_key() const {
  if (settings_.password.empty()) {
    return std::nullopt;
  }
  return mesh::KeyPair::from_private(settings_.private_key).public_key;
}

}  // namespace weft::gossip
