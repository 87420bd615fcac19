#pragma once
/// One TCP connection to another peer, from its first octet to its end: introduction with
/// deadlines, then messages with heartbeats. It knows nothing of peers, routes or channels.
/// Source: weaveworks/mesh connection.go, LocalConnection.

#include <cstdint>
#include <memory>
#include <optional>

#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/transport.hpp>

#include "gossip/drop_reason.hpp"
#include "gossip/handshake.hpp"
#include "gossip/session.hpp"
#include "gossip/silence.hpp"
#include "gossip/turns.hpp"

namespace weft::gossip {

class Connection;

/// What a connection tells whoever owns it.
class ConnectionOwner {
 public:
  /// Both sides know each other. Call `begin` to go on, or `drop`.
  virtual void on_introduced(Connection& connection, const Introduction& introduction) = 0;
  /// A whole message, decrypted. Foreign octets; valid during the call.
  virtual void on_message(Connection& connection, ByteView message) = 0;
  /// The stream took everything that was sent.
  virtual void on_drained(Connection& connection) = 0;
  /// Ended, once; nothing follows. Do not destroy the connection within this call.
  virtual void on_dropped(Connection& connection, DropReason reason, const Error& error) = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// How a connection's liveness is watched.
struct Liveness {
  Duration heartbeat;   ///< send something at least this often
  Duration dead_after;  ///< of silence
  Duration period;      ///< how often `tick` is called
};

/// Used on the mesh's loop only. Holds at most `long_bytes` and what one read delivered, and before
/// the introduction is over at most twice Handshake::max_bytes. More, up to the 10 MiB of the
/// longest message, only while it has one of the turns that all connections share.
class Connection {
 public:
  using Id = std::uint64_t;

  static constexpr Duration header_deadline = std::chrono::seconds{10};
  static constexpr Duration introduction_deadline = std::chrono::seconds{60};
  /// Reading stops while so much that was received is still being worked on by others.
  static constexpr std::size_t max_pending_bytes = 64U << 10U;
  /// What is longer waits for a turn: the peer keeps the rest meanwhile.
  static constexpr std::size_t long_bytes = 256U << 10U;
  /// Turns of a node.
  static constexpr std::size_t long_at_once = 2;
  /// A peer that does not end its message in this time, while others wait, is given up.
  static constexpr Duration turn_deadline = std::chrono::seconds{30};
  /// A peer that takes nothing of what waits for it, for so long, is given up.
  static constexpr Duration stalled_after = std::chrono::seconds{60};
  /// For the peer to read what was sent last.
  static constexpr Duration ending_deadline = std::chrono::milliseconds{500};

  Connection(Id id, std::unique_ptr<Stream> stream, Loop& loop, Handshake::Settings settings,
             Turns& turns, ConnectionOwner& owner);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Id id() const noexcept { return id_; }
  [[nodiscard]] bool is_outbound() const noexcept { return is_outbound_; }
  [[nodiscard]] net::Endpoint local() const noexcept { return local_; }
  [[nodiscard]] net::Endpoint remote() const noexcept { return remote_; }

  /// Sends the header and begins to read.
  void start();
  /// After on_introduced: messages flow from here on, also those already received.
  void begin(const Liveness& liveness);
  [[nodiscard]] bool has_begun() const noexcept { return detector_.has_value(); }
  /// The peer finished its introduction, so that it knows the password if there is one.
  [[nodiscard]] bool is_introduced() const noexcept { return session_.has_value(); }

  /// Errors: Errc::malformed for a message longer than the protocol allows; it is not sent.
  Result<> send(ByteView message);
  /// Octets waiting for the peer to take them.
  [[nodiscard]] std::size_t queued_bytes() const noexcept;

  /// `bytes` of a message are being worked on elsewhere, or were.
  void hold(std::size_t bytes);
  void release(std::size_t bytes);

  /// Sends a heartbeat when one is due; drops the connection when the peer has been silent, or
  /// takes nothing.
  void tick();

  /// Closes at once. Tells the owner.
  void drop(DropReason reason, const Error& error);
  /// Reads nothing more, and closes after the peer or when it took too long: closing discards what
  /// is on its way, from which the peer learns the reason.
  void end(DropReason reason, const Error& error, ByteView last_message = {});
  [[nodiscard]] bool is_ending() const noexcept { return ending_.has_value(); }
  /// Sends something now: a host that lost the connection answers with a reset.
  void probe();
  [[nodiscard]] bool is_dropped() const noexcept { return stream_ == nullptr; }

 private:
  struct Ending {
    DropReason reason;
    Error error;
  };

  void on_data(ByteView octets);
  void on_drained();
  void advance_handshake();
  void drain_messages();
  void settle_turn();
  void begin_turn();
  [[nodiscard]] bool is_reading() const noexcept;
  void arm_deadline(Duration after);
  [[nodiscard]] bool is_stalled(TimePoint now);
  [[nodiscard]] bool is_holding_up_others(TimePoint now) const;

  Id id_;
  bool is_outbound_;
  std::unique_ptr<Stream> stream_;  // null once dropped
  Loop& loop_;
  Turns& turns_;
  ConnectionOwner& owner_;
  net::Endpoint local_;
  net::Endpoint remote_;
  Handshake handshake_;
  std::optional<Session> session_;  // once introduced
  std::optional<Bytes> proof_;      // the first message, when it was part of the introduction
  mesh::ReceiveBuffer received_;
  std::size_t pending_bytes_ = 0;
  bool is_paused_ = false;
  bool is_draining_ = false;
  Duration heartbeat_{};
  TimePoint last_sent_;
  std::uint64_t sent_bytes_ = 0;   // what `send` wrote
  std::uint64_t taken_bytes_ = 0;  // of these, what had left our queue at the last progress
  TimePoint progress_;
  std::optional<SilenceDetector> detector_;  // once begun
  std::optional<Ending> ending_;
  Timer deadline_;
  std::optional<Turns::Turn> turn_;  // for a long message
  TimePoint turn_began_;
};

}  // namespace weft::gossip
