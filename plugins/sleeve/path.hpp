#pragma once
/// The life of one connection's UDP path: contact, establishment, liveness, MTU. A pure state
/// machine: every input carries the time and returns what to do; nothing here sends or waits.
///
/// Source: weaveworks/weave router/sleeve.go, sleeveForwarder. Deliberately different:
/// - the search begins at the interface's MTU instead of what a 60000-byte datagram provokes;
/// - no MTU is believed without an answer, down to 68 bytes (Weave Net assumes 552), and none is
///   given up without tests: what ICMP says only has them sent (Weave Net believes it);
/// - the MTU is probed upwards again every 10 minutes (Weave Net never raises it);
/// - a peer that is heard from another address is followed once it answered a probe of it
///   (Weave Net follows any heartbeat with the connection's UID);
/// - an MTU in use that tests no longer pass is lowered, and soon probed upwards (Weave Net
///   never tests it again);
/// - a test of kernel fragmentation that is under way does not switch fragmentation off;
/// - towards weft peers the agreed heartbeat and timeout replace Weave Net's.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include <weft/bytes.hpp>
#include <weft/loop.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>

#include <weft/overlay/liveness.hpp>
#include <weft/overlay/probed_mtu.hpp>
#include <weft/overlay/relocation.hpp>
#include <weft/overlay/route_mtu.hpp>

#include "action.hpp"

namespace weft::sleeve {

struct PathConfig {
  std::uint64_t connection_uid = 0;
  /// Known when this side dialled: NATed peers are reached by answering them.
  std::optional<net::Endpoint> remote;
  std::size_t packet_header_bytes = 0;
  std::chrono::milliseconds heartbeat{0};  ///< agreed with a weft peer; 0 towards Weave Net peers
  std::chrono::milliseconds timeout{0};
  /// A uniformly random number.
  std::function<std::uint64_t()> random;
};

/// Used on one thread.
class Path {
 public:
  explicit Path(const PathConfig& config);

  [[nodiscard]] Actions confirm(TimePoint now);
  /// Heartbeats of other connections are not for on_heartbeat. One from elsewhere than remote() may
  /// be a copy that anybody sent: it counts for nothing, but has the address probed.
  [[nodiscard]] bool is_ours(std::uint64_t uid) const noexcept {
    return uid == config_.connection_uid;
  }
  [[nodiscard]] Actions on_heartbeat(const net::Endpoint& from, TimePoint now);
  [[nodiscard]] Actions on_fragmentation_test();
  [[nodiscard]] Actions on_mtu_test(std::size_t frame_bytes);
  /// Foreign bytes. Errors: Errc::malformed, to be counted.
  [[nodiscard]] Result<Actions> on_control(std::uint8_t subtag, ByteView body, TimePoint now);
  /// A datagram with DF was refused as too big by the kernel, which goes by the interface.
  [[nodiscard]] Actions on_message_too_big(TimePoint now);
  /// What the route takes: its limit holds, what was reported to the kernel is tried.
  [[nodiscard]] Actions on_route(const overlay::RouteMtu& route, TimePoint now);
  /// The kernel could not be asked: on_timer has it asked again.
  void on_no_route(TimePoint now) { search_.on_no_route(now); }
  /// Somebody says that IP packets of more than `path_mtu` bytes do not arrive: a router, or
  /// anybody who can send an ICMP message. Tests decide.
  [[nodiscard]] Actions on_too_big_report(std::uint32_t path_mtu, TimePoint now);
  /// `last_heard`: when authentic traffic of the peer last arrived.
  [[nodiscard]] Actions on_timer(TimePoint now, TimePoint last_heard);
  /// When on_timer wants to be called.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;

  [[nodiscard]] const std::optional<net::Endpoint>& remote() const noexcept { return remote_; }
  /// Largest IP packet inside, bytes.
  [[nodiscard]] std::uint32_t mtu() const noexcept { return search_.mtu(); }
  /// Largest datagram to send with DF, bytes of UDP payload.
  [[nodiscard]] std::uint32_t max_payload() const noexcept;
  [[nodiscard]] bool kernels_fragment() const noexcept { return kernels_fragment_; }
  [[nodiscard]] bool is_established() const noexcept { return liveness_.is_answered(); }
  [[nodiscard]] bool is_searching() const noexcept { return search_.is_searching(); }

 private:
  [[nodiscard]] bool is_weft_peer() const noexcept { return config_.heartbeat.count() > 0; }
  /// UDP, packet, record and inner Ethernet headers.
  [[nodiscard]] std::uint32_t overhead_bytes() const noexcept;
  /// What an IP packet of `packet_bytes` has room for inside.
  [[nodiscard]] std::uint32_t room_in(std::uint32_t packet_bytes) const noexcept;
  void beat(TimePoint now, Actions& actions);
  void accept_heartbeat(TimePoint now, Actions& actions);
  void probe_address(const net::Endpoint& from, TimePoint now, Actions& actions);
  /// Sends the probes that are due, and follows the peer where they say so.
  void tend_relocation(TimePoint now, Actions& actions);
  void set_remote(const net::Endpoint& remote, TimePoint now, Actions& actions);
  void on_established(TimePoint now, Actions& actions);
  void follow(const overlay::ProbedMtu::Wishes& wishes, TimePoint now, Actions& actions);
  void test_fragmentation(TimePoint now, Actions& actions);
  void doubt_fragmentation(TimePoint now, Actions& actions);
  void give_up(Actions& actions);

  PathConfig config_;
  std::optional<net::Endpoint> remote_;
  bool is_failed_ = false;

  overlay::Relocation relocation_;
  std::optional<TimePoint> remote_heard_;  // the last heartbeat from remote_

  overlay::Liveness liveness_;

  bool kernels_fragment_ = false;
  unsigned fragmentation_tests_ = 0;  // unanswered so far
  std::optional<TimePoint> fragmentation_due_;

  overlay::ProbedMtu search_;
};

}  // namespace weft::sleeve
