#pragma once
/// Overlays carry frames between peers: one connection each, made when the mesh connects.
///
/// An overlay plugin (sleeve, odp) provides Overlay. The mesh does not talk to overlays itself: it
/// asks the node's OverlaySwitch, which keeps all that both peers have and uses the best.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/lane.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/reply.hpp>

namespace weft {

/// The secret that both ends of a connection have and nobody else.
using SessionKey = std::array<std::byte, 32>;

/// What two peers agreed about a connection before its overlays start.
struct OverlayLink {
  PeerName local{};
  PeerName remote{};
  std::uint64_t connection_uid = 0;  ///< XOR of both ConnIDs; proves heartbeats belong to it
  net::Endpoint local_address;       ///< of the TCP connection
  net::Endpoint remote_address;
  bool outbound = false;                  ///< this side dialled
  std::optional<SessionKey> session_key;  ///< present: frames must be encrypted
  /// Agreed between weft peers: heartbeat every `heartbeat`, dead after `timeout` of silence.
  /// Zero towards peers that keep timers of their own.
  std::chrono::milliseconds heartbeat{0};
  std::chrono::milliseconds timeout{0};
};

/// How an overlay is doing, for people.
struct OverlayStatus {
  std::string overlay;    ///< "sleeve"
  std::uint32_t mtu = 0;  ///< largest IP packet inside, bytes; 0 while unknown
  bool encrypted = false;
  bool established = false;
};

/// Carries frames to one remote peer. Dataplane: on lanes, several may call at once.
/// Must not block, allocate, lock, log or throw.
class Forwarder {
 public:
  /// Takes `batch` (at most max_batch frames, none needing offload) from peer `source` for peer
  /// `destination`, which may lie beyond this remote. Frames stay valid until the lane's flush and
  /// may be changed in place, headroom included. Returns how many it took, a prefix; the caller
  /// drops and counts the rest.
  [[nodiscard]] virtual std::size_t forward(Lane& lane, PeerName source, PeerName destination,
                                            std::span<const Frame> batch) noexcept = 0;

  virtual ~Forwarder() = default;
};

/// What an overlay tells about a connection. Any thread but a lane; outlived by nothing: the
/// overlay drops it when the connection is destroyed.
class OverlayListener {
 public:
  virtual ~OverlayListener() = default;

  /// Traffic is known to pass both ways. Once per connection.
  virtual void on_established() = 0;
  /// Will never work again on this connection.
  virtual void on_failed(Error reason) = 0;
  /// Stopped (false) or resumed (true) passing traffic, and may change its mind.
  virtual void on_health(bool is_healthy) = 0;
  /// Please carry this over the TCP connection to the same overlay at the remote.
  virtual void send_control(std::uint8_t subtag, Bytes body) = 0;
};

/// One overlay's part of a connection. Any control thread; destroying it stops the overlay for
/// this remote.
class OverlayConnection {
 public:
  virtual ~OverlayConnection() = default;

  /// The connection was accepted as not a duplicate: begin.
  virtual void confirm() = 0;
  /// A control message from the remote. Foreign bytes: check them.
  virtual void on_control(std::uint8_t subtag, ByteView body) = 0;
  /// Constant, never null.
  [[nodiscard]] virtual std::shared_ptr<Forwarder> forwarder() const = 0;
  [[nodiscard]] virtual OverlayStatus status() const = 0;
};

/// An overlay plugin. Several may be provided.
class Overlay {
 public:
  static constexpr std::string_view service = "weft.overlay/1";

  /// As advertised to peers: "sleeve", "fastdp". Constant.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// The highest is preferred. fastdp 100, sleeve 10.
  [[nodiscard]] virtual int preference() const noexcept = 0;
  /// The most bytes that it adds to an IP packet of a multiple of 4 on its way over IPv4: outer
  /// headers, its own, the Ethernet header inside, and what encryption adds. Constant.
  [[nodiscard]] virtual std::uint32_t overhead() const noexcept = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink& link, std::shared_ptr<OverlayListener> listener) = 0;

 protected:
  ~Overlay() = default;
};

/// What the overlay switch tells the mesh about a connection; delivered on the mesh's loop.
struct SwitchCallbacks {
  UniqueFunction<void()> established;  ///< the first overlay works: once
  UniqueFunction<void(Error)> failed;  ///< no overlay can work any more: once
  /// Bring this to the same overlay at the remote. `place`: the overlay's among those that both
  /// peers have, the best of the two first; the same on both sides.
  UniqueFunction<void(std::uint8_t place, std::uint8_t subtag, Bytes body)> control;
};

/// All overlays of one connection. Used on the mesh's loop; no callback runs after destruction.
class SwitchedConnection {
 public:
  virtual ~SwitchedConnection() = default;

  virtual void confirm() = 0;
  /// What the overlay at `place` sent. Foreign numbers and bytes: a place that no overlay has is
  /// counted and ignored.
  virtual void on_control(std::uint8_t place, std::uint8_t subtag, ByteView body) = 0;
  /// Of the overlay in use; `overlay` is "none" when there is none.
  [[nodiscard]] virtual OverlayStatus status() const = 0;
};

/// Provided by the host. Used on the mesh's loop.
class OverlaySwitch {
 public:
  static constexpr std::string_view service = "weft.overlay-switch/1";

  /// Names of this node's overlays in order of preference.
  [[nodiscard]] virtual std::vector<std::string> overlays() const = 0;

  /// Starts what both peers have. `remote_overlays`: the names of the peer's. Errors:
  /// Errc::unsupported, "no overlays in common with peer".
  [[nodiscard]] virtual Result<std::unique_ptr<SwitchedConnection>> prepare(
      const OverlayLink& link, const std::vector<std::string>& remote_overlays, Loop& loop,
      SwitchCallbacks callbacks) = 0;

 protected:
  ~OverlaySwitch() = default;
};

}  // namespace weft
