#pragma once
/// The introduction of two peers: header, encryption flag and keys, feature maps. Pure: octets in,
/// octets out, so that it is tested byte by byte; the connection adds the stream and the deadlines.
///
/// With a password the introduction ends only when something from the peer was decrypted. Version 2
/// boxes the feature map. Version 1 sends the map in clear, so its first message is the proof:
/// each side sends a heartbeat right behind the map and waits for the other's first message.
/// Source: weaveworks/mesh protocol.go, doIntro.

#include <cstdint>
#include <optional>
#include <string>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

#include "gossip/session.hpp"
#include "gossip/wire/features.hpp"
#include "gossip/wire/framing.hpp"
#include "gossip/wire/introduction.hpp"

namespace weft::gossip {

/// How a finished introduction ended.
struct Introduction {
  unsigned version = 0;
  std::optional<SessionKey> key;
  mesh::FeatureMap features;  ///< the peer's
  Session session;
  std::optional<Bytes> proof;  ///< version 1 with a key: the message that proved the password
};

class Handshake {
 public:
  /// Bytes that a peer may send before the introduction is over.
  static constexpr std::size_t max_bytes = 64U << 10U;

  struct Settings {
    bool outbound = false;
    unsigned lowest_version = mesh::min_version;
    std::string password;  ///< empty: no encryption
    mesh::FeatureMap features;
    mesh::Key private_key{};  ///< random; used only with a password
  };

  enum class Stage : std::uint8_t { header, encryption, features, proof, done };

  explicit Handshake(Settings settings) : settings_(std::move(settings)) {}

  /// What to send when the stream opens.
  [[nodiscard]] Bytes begin() const;

  /// Uses up what it can of `buffer` and answers what to send now. Octets behind the introduction
  /// stay in `buffer`. Errors end the connection: Errc::malformed, also for an introduction longer
  /// than `max_bytes`; Errc::denied for a password that differs; Errc::unsupported.
  [[nodiscard]] Result<Bytes> advance(mesh::ReceiveBuffer& buffer);
  /// After an error: what was to be sent before it. The peer finds by it what does not fit.
  [[nodiscard]] Bytes take_last_words() { return std::exchange(last_words_, {}); }

  [[nodiscard]] Stage stage() const noexcept { return stage_; }
  /// Once, in stage `done`.
  [[nodiscard]] Introduction take() { return std::move(*introduction_); }

 private:
  [[nodiscard]] Result<> step(mesh::ReceiveBuffer& buffer, Bytes& send);
  [[nodiscard]] Result<bool> on_header(mesh::ReceiveBuffer& buffer, Bytes& send);
  [[nodiscard]] Result<bool> on_encryption(mesh::ReceiveBuffer& buffer, Bytes& send);
  [[nodiscard]] Result<bool> on_features(mesh::ReceiveBuffer& buffer);
  [[nodiscard]] Result<bool> on_protocol1_features(mesh::ReceiveBuffer& buffer, Bytes& send);
  [[nodiscard]] Result<bool> on_proof(mesh::ReceiveBuffer& buffer);
  [[nodiscard]] Result<> open_session(const std::optional<mesh::Key>& remote_key);
  [[nodiscard]] Result<> send_features(Bytes& send);
  [[nodiscard]] std::optional<mesh::Key> public_key() const;

  Settings settings_;
  Stage stage_ = Stage::header;
  unsigned version_ = 0;
  std::size_t used_bytes_ = 0;
  Bytes last_words_;
  std::optional<SessionKey> key_;
  std::optional<Session> session_;
  mesh::Protocol1Reader protocol1_;
  std::optional<Introduction> introduction_;
};

}  // namespace weft::gossip
