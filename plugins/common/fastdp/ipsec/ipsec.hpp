#pragma once
/// Encryption of tunnel packets between this node and its peers, by the kernel.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/loop.hpp>
#include <weft/result.hpp>
#include <weft/service/overlay.hpp>

#include "firewall.hpp"
#include "leftovers.hpp"
#include "xfrm.hpp"

namespace weft::ipsec {

/// How long associations and guards of an earlier run wait for their peer to connect again.
inline constexpr std::chrono::minutes leftover_patience{10};
/// How long an inbound association stays after a newer one was offered and not used.
inline constexpr std::chrono::seconds rekey_patience{60};

/// ESP in transport mode, protocol 50 directly over IP, for the UDP packets between this node and
/// each peer with a Link. From the moment a Link exists such packets pass encrypted or not at all,
/// also when this process crashes. Between two nodes any NAT breaks it: ESP has no ports.
///
/// Owned by the plugin; used on its loop, also by its links. Every call asks the kernel, which
/// answers at once. The destructor removes what this and earlier runs left in the kernel, so that
/// opening and destroying one cleans up when encryption was switched off.
class Ipsec {
 public:
  class Link;

  /// In the network namespace of the calling thread; `tunnel_port` is where this node receives
  /// tunnel packets, 6784 for vxlan of Weave Net. What a crashed run left keeps protecting the
  /// kernel's traffic until links replace it. Errors: Errc::unsupported when the kernel lacks
  /// something, with the modules to load; EPERM without CAP_NET_ADMIN.
  [[nodiscard]] static Result<std::unique_ptr<Ipsec>> open(Loop& loop, std::uint16_t tunnel_port);

  /// After the last Link.
  ~Ipsec();
  Ipsec(const Ipsec&) = delete;
  Ipsec& operator=(const Ipsec&) = delete;

  /// Begins to guard the packets between the two addresses of `connection`, to `tunnel_port` at
  /// either; they pass once the link is ready. Several links may join the same two addresses, also
  /// on different ports: packets of all of them leave through the one that accepted last. Errors:
  /// Errc::invalid without a session key, Errc::unsupported for IPv6.
  [[nodiscard]] Result<std::unique_ptr<Link>> link(const OverlayLink& connection,
                                                   std::uint16_t tunnel_port);

  /// `connection` is not to be encrypted: ends what an earlier run left for its two addresses, and
  /// the guard that it left on `tunnel_port` between them.
  void allow_clear(const OverlayLink& connection, std::uint16_t tunnel_port);

  /// From now on destructors leave the kernel as it is, as a crash would: what it forwards by
  /// itself stays encrypted, and the next run takes over. Before a restart.
  void keep() noexcept { is_kept_ = true; }

  /// Puts guard and policies back as they should be, after another program changed them.
  [[nodiscard]] Result<> repair();
  /// Marks the kernel's notifications of changes that this object made to the guard.
  [[nodiscard]] Result<std::uint32_t> firewall_port() const { return firewall_.port(); }

 private:
  Ipsec(Loop& loop, Xfrm xfrm, Firewall firewall, Leftovers leftovers);

  /// Another link than `except` that can send in this direction; null when there is none.
  [[nodiscard]] const Link* sender(const Direction& outbound, const Link* except) const noexcept;

  Loop& loop_;
  Xfrm xfrm_;
  Firewall firewall_;
  Leftovers leftovers_;
  std::vector<Link*> links_;  // in order of creation
  bool is_kept_ = false;
  Timer forget_leftovers_;  // last
};

/// Encryption of one connection, in both directions. Each side announces how it wants to receive,
/// and sends as the other announced. Destroying it removes what is its own, and nothing that a
/// newer link to the same peer put in its place. Lives no longer than its Ipsec; stays where it is.
class Ipsec::Link {
 public:
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Prepares to receive under a fresh key, and answers the 64 octets to send to the peer as the
  /// overlay's control message CryptoInitSARemote. Calling it again changes the key: what came
  /// before still opens packets until the peer uses the new one, at most for `rekey_patience`.
  /// Errors: the kernel's.
  [[nodiscard]] Result<Bytes> expect();

  /// The peer's announcement. From now on packets leave as it says. The same one again changes
  /// nothing. Errors: Errc::malformed, and nothing changed; the kernel's.
  [[nodiscard]] Result<> accept(ByteView body);

  /// Both directions are set up.
  [[nodiscard]] bool is_ready() const noexcept { return inbound_ && outbound_; }

 private:
  friend class Ipsec;

  Link(Ipsec& owner, const OverlayLink& connection, std::uint16_t tunnel_port);

  [[nodiscard]] Direction outbound_direction() const noexcept { return {local_, remote_}; }
  [[nodiscard]] Direction inbound_direction() const noexcept { return {remote_, local_}; }
  [[nodiscard]] Tunnel tunnel() const noexcept { return {local_, remote_, port_}; }

  void replace_leftovers();
  void retire();
  void remove_retired() noexcept;
  void remove_all() noexcept;

  Ipsec& owner_;
  PeerName self_;
  PeerName peer_;
  net::IpAddress local_;
  net::IpAddress remote_;
  std::uint16_t port_;
  SessionKey session_key_;
  std::optional<Association> inbound_;   // the newest
  std::optional<Association> outbound_;  // what this link's policy demands
  std::vector<Association> retired_;     // inbound; the peer may still use them
  TimePoint retire_until_{};
  Timer retiring_;  // last
};

}  // namespace weft::ipsec
