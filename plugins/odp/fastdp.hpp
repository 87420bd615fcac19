#pragma once
/// The fastdp overlay: a kernel datapath that forwards, and the control of it.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <weft/bus.hpp>
#include <weft/events/topology.hpp>
#include <weft/lane.hpp>
#include <weft/lane_queue.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/netlink/watcher.hpp>
#include <weft/overlay/sessions.hpp>
#include <weft/service/datapath.hpp>
#include <weft/service/dataplane.hpp>
#include <weft/service/flows.hpp>
#include <weft/service/overlay.hpp>

#include "common/fastdp/ipsec/guard_keeper.hpp"
#include "common/fastdp/ipsec/ipsec.hpp"
#include "common/fastdp/session.hpp"
#include "counters.hpp"
#include "flow_compiler.hpp"
#include "flow_table.hpp"
#include "kernel.hpp"
#include "lane_port.hpp"
#include "tunnel_ports.hpp"

namespace weft::odp {

/// Everything that a report shows.
struct FastdpStatus {
  std::vector<Vport> vports;
  std::vector<KernelFlow> flows;
  std::vector<fastdp::SessionStatus> connections;
  FlowTable::Counts counts;
  bool is_per_cpu = false;
};

/// Owned by the plugin. The services, and the connections that `prepare` makes, may be used on any
/// control thread; everything else on the loop.
class Fastdp final : public Overlay, public Datapath {
 public:
  struct Node {
    PeerName self;
    Loop& loop;
    Lanes& lanes;
    Bus& bus;
    Dataplane& dataplane;
    FlowPlanner& planner;
    Metrics& metrics;
    Log& log;
    /// The datapath is gone and cannot be made again. Called on the loop.
    std::function<void(Error)> fail;
  };
  struct Settings {
    std::string datapath;
    std::uint16_t port = 0;  ///< UDP
  };

  Fastdp(const Node& node, Settings settings);
  ~Fastdp() { stop(); }

  /// Finds or makes the datapath and its tunnel port, and takes the misses. Errors: as
  /// Kernel::open; the kernel's.
  [[nodiscard]] Result<> start();
  /// Ends every connection and leaves the lanes. The datapath goes on forwarding.
  void stop() noexcept;

  [[nodiscard]] std::string_view name() const noexcept override { return "fastdp"; }
  [[nodiscard]] int preference() const noexcept override { return 100; }
  /// VXLAN adds 50; ESP in transport mode, padded to a multiple of 4, adds 34.
  [[nodiscard]] std::uint32_t overhead() const noexcept override { return 84; }
  [[nodiscard]] Result<std::unique_ptr<OverlayConnection>> prepare(
      const OverlayLink& link, std::shared_ptr<OverlayListener> listener) override;

  void join(DatapathPorts ports, Reply<> reply) override;
  void leave(Reply<> reply) override;

  [[nodiscard]] Result<FastdpStatus> status();
  /// Frames without a flow since the start.
  [[nodiscard]] std::uint64_t misses() const noexcept { return counters_.misses.value(); }

 private:
  static constexpr Duration sweep_period = std::chrono::seconds{10};

  [[nodiscard]] Result<> open_tunnels();
  void abandon_datapath();
  void open_ipsec();
  [[nodiscard]] Result<> open_lanes();
  [[nodiscard]] Result<> attach(DatapathPorts ports);
  [[nodiscard]] Result<> join_ports();
  [[nodiscard]] Result<> detach();
  [[nodiscard]] Result<> watch_kernel();
  void restore_soon(Duration wait);
  void restore();
  [[nodiscard]] Result<> restore_ports();
  void on_confirmed(fastdp::Session& session);
  void on_ended(fastdp::Session& session);
  void send_heartbeat(PeerName remote, TunnelOutput output, const fastdp::Heartbeat& heartbeat);

  void drain_events();
  void on_heartbeat(const LaneEvent& event);
  void on_topology(const Topology& topology);
  void path_changed();
  void publish_view();
  [[nodiscard]] LaneView make_view() const;
  void replan();
  void forget_former_ids();
  void count_flows();
  void sweep();
  void remove_unused_ports();
  [[nodiscard]] bool forget_reports(const net::IpAddress& local, const net::IpAddress& remote);

  /// Where copies for `hop` go now; empty when the kernel cannot send them.
  [[nodiscard]] std::optional<TunnelOutput> output_for(const FlowHop& hop) const;

  Node node_;
  const Settings settings_;
  Counters counters_;
  std::optional<Kernel> kernel_;
  std::optional<TunnelPorts> tunnels_;
  std::optional<FlowTable> flows_;
  std::uint64_t hairpins_counted_ = 0;
  std::uint64_t hairpins_told_ = 0;
  std::uint64_t displaced_counted_ = 0;
  std::uint64_t displaced_told_ = 0;
  Doorbell bell_;
  LaneLocal<LaneView> view_;
  std::shared_ptr<PerLane<LanePort>> ports_;
  std::unique_ptr<ipsec::Ipsec> ipsec_;  // null: ipsec_missing_ says why
  std::optional<Error> ipsec_missing_;   // set by start, constant afterwards
  std::unique_ptr<ipsec::GuardKeeper> guard_keeper_;
  /// Encryption of connections that ended: flows may go on using their tunnels for a while.
  struct Retired {
    std::unique_ptr<ipsec::Ipsec::Link> encryption;
    TimePoint until{};
  };
  std::vector<Retired> retired_;
  std::optional<NetlinkPort> heartbeat_port_;
  std::optional<PacketSender> heartbeat_sender_;
  bool is_running_ = false;
  bool is_replan_due_ = false;
  bool is_per_cpu_ = false;
  bool is_report_kept_logged_ = false;
  fastdp::PeerIds ids_;
  fastdp::FormerIds former_ids_;
  Timer former_timer_;
  std::optional<DatapathPorts> joined_;
  FlowPorts own_ports_;
  FlowCompiler compiler_;
  overlay::Sessions<fastdp::Session, const Forwarder*> sessions_;
  /// Tunnels to peers whose connection ended while it worked: the peer may only be restarting, and
  /// its kernel goes on. A way over another peer, which may soon notice the same, waits a moment.
  struct Lingering {
    TunnelOutput output;
    TimePoint until{};
  };
  std::map<PeerName, Lingering> lingering_;
  Timer linger_timer_;
  Subscription topology_;
  FlowWatch watch_;
  Timer sweep_timer_;
  std::optional<nl::Watcher> watcher_;  // of deletions
  bool is_restore_due_ = false;
  unsigned failed_attempts_ = 0;  // to restore, one after the other
  Timer restore_timer_;
  std::optional<BellListener> events_;
  std::vector<LaneRegistration> registrations_;  // last: lanes use everything above
};

}  // namespace weft::odp
