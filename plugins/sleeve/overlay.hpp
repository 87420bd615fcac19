#pragma once
/// The sleeve overlay: sockets on every lane, sessions on the loop.

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include <weft/lane.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/overlay/sessions.hpp>
#include <weft/service/dataplane.hpp>
#include <weft/service/overlay.hpp>

#include <weft/overlay/router_report.hpp>

#include "cipher.hpp"
#include "counters.hpp"
#include "lane_event.hpp"
#include "lane_port.hpp"
#include "sender_filter.hpp"
#include "session.hpp"
#include "special_sender.hpp"

namespace weft::sleeve {

/// Owned by the plugin. `prepare` and the connections it makes may be used on any control thread;
/// everything else on the loop.
class SleeveOverlay final : public Overlay {
 public:
  struct Node {
    PeerName self;
    Loop& loop;
    Lanes& lanes;
    Dataplane& dataplane;
    Metrics& metrics;
    Log& log;
  };

  explicit SleeveOverlay(const Node& node);
  ~SleeveOverlay() { stop(); }

  /// Opens the sockets and puts them on the lanes. Errors: the kernel's.
  [[nodiscard]] Result<> start(const SocketOptions& options);
  /// Ends every connection and leaves the lanes.
  void stop() noexcept;

  [[nodiscard]] std::string_view name() const noexcept override { return "sleeve"; }
  [[nodiscard]] int preference() const noexcept override { return 10; }
  [[nodiscard]] std::uint32_t overhead() const noexcept override;
  [[nodiscard]] Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink& link, std::shared_ptr<OverlayListener> listener) override;

  /// Rung when lanes have events; then call drain_events.
  [[nodiscard]] Doorbell& bell() noexcept { return doorbell_; }
  void drain_events();
  /// Somebody says that a datagram of this node was too big for the path.
  void on_too_big_report(const overlay::TooBigReport& report);

  /// The UDP port in use.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::vector<ConnectionStatus> describe() const;

 private:
  [[nodiscard]] Result<Sockets> open_sockets(SocketOptions& options);
  [[nodiscard]] Result<Sockets> open_senders() const;
  /// The session's peer is to be received from.
  [[nodiscard]] Result<> begin(const std::shared_ptr<Peer>& peer);
  /// It is not any more.
  void forget(const Peer& peer);
  /// Has the kernel drop what no peer sent, where it can.
  void open_filter();
  [[nodiscard]] Result<> attach_filter();
  /// Tells the filter what the peer's datagrams are like now.
  void admit(const Peer& peer);
  void tend_sockets();
  void count_drops();
  /// Lanes alone judge datagrams from now on.
  void drop_filter(const Error& reason);

  Node node_;
  const Ciphers ciphers_;
  Counters counters_;
  Doorbell doorbell_;
  PeerTable peers_;
  std::shared_ptr<PerLane<LanePort>> ports_;
  std::unique_ptr<SpecialSender> sender_;
  std::optional<SenderFilter> filter_;
  Timer sockets_timer_;
  std::array<std::array<std::uint32_t, df_classes>, max_lanes> drops_{};  // as last seen
  std::int64_t overflowed_ = 0;  // below 0 while the filter counted more than the sockets did
  int family_ = 0;               // of the sockets: AF_INET or AF_INET6
  std::uint16_t port_ = 0;
  std::uint64_t send_buffer_bytes_ = 0;
  std::atomic<std::uint32_t> next_connection_{1};
  overlay::Sessions<Session> sessions_;
  std::vector<LaneRegistration> registrations_;  // last: lanes use everything above
};

}  // namespace weft::sleeve
