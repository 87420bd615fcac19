/// Connections, ports and lanes of the fastdp overlay.

#include "fastdp.hpp"

#include <algorithm>

#include <linux/rtnetlink.h>

#include <weft/answer_on.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/namespace.hpp>

#include "lane_forwarder.hpp"

namespace weft::odp {
namespace {

constexpr PortNumber bridge_number = 1;  // see TunnelPorts

/// As long as the neighbours of a daemon that ended need to notice and to tell each other, also on
/// busy machines.
constexpr Duration linger_time = std::chrono::seconds{3};

}  // namespace

Fastdp::Fastdp(const Node& node, Settings settings)
    : node_(node),
      settings_(std::move(settings)),
      counters_(node.metrics),
      view_(node.lanes),
      compiler_(node.self, node.planner, own_ports_, view_.owner(),
                [this](const FlowHop& hop) { return output_for(hop); }),
      sessions_(node.loop) {}

Result<> Fastdp::start() {
  auto kernel = Kernel::open(settings_.datapath);
  if (!kernel) {
    return tl::unexpected(std::move(kernel).error());
  }
  kernel_.emplace(*std::move(kernel));
  WEFT_TRY(watch_kernel());
  if (auto opened = open_tunnels(); !opened) {
    abandon_datapath();
    return opened;
  }
  open_ipsec();
  auto port = NetlinkPort::open();
  if (!port) {
    return tl::unexpected(std::move(port).error());
  }
  heartbeat_port_.emplace(*std::move(port));
  heartbeat_sender_.emplace(kernel_->families().packet, *heartbeat_port_);
  flows_.emplace(*kernel_, [this](const FlowKey& key) { return compiler_.plan(key); });
  is_running_ = true;
  WEFT_TRY(open_lanes());
  topology_ = node_.bus.subscribe<events::TopologyChanged>(
      [this](const events::TopologyChanged& event) { on_topology(*event.topology); });
  watch_ = node_.planner.watch(node_.loop, [this] { replan(); });
  sweep_timer_ = node_.loop.every(sweep_period, [this] { sweep(); });
  sweep();
  return {};
}

Result<> Fastdp::open_tunnels() {
  auto tunnels = TunnelPorts::open(*kernel_, settings_.port);
  if (!tunnels) {
    return tl::unexpected(std::move(tunnels).error());
  }
  tunnels_.emplace(*std::move(tunnels));
  Vport own;
  WEFT_TRY(own, tunnels_->ensure_own());
  if (own.is_device) {
    node_.log.info("an interface stands in for Open vSwitch's tunnel port", "interface", own.name);
  }
  return {};
}

/// An empty one would only stand in the way.
void Fastdp::abandon_datapath() {
  watcher_.reset();
  static_cast<void>(kernel_->delete_if_empty());
}

/// Without it connections in clear use the fast path all the same.
void Fastdp::open_ipsec() {
  auto opened = ipsec::Ipsec::open(node_.loop, settings_.port);
  if (!opened) {
    ipsec_missing_ = std::move(opened).error();
    return;
  }
  ipsec_ = *std::move(opened);
  auto keeper = ipsec::GuardKeeper::open(node_.loop, node_.log, *ipsec_);
  if (!keeper) {
    node_.log.error("encryption's guard not watched", "error", keeper.error());
    return;
  }
  guard_keeper_ = *std::move(keeper);
}

Result<> Fastdp::open_lanes() {
  std::vector<std::unique_ptr<LanePort>> ports;
  std::vector<std::uint32_t> ids;
  const LanePort::Context context{node_.dataplane, view_, counters_, bell_,
                                  kernel_->families().packet};
  for (unsigned lane = 0; lane < node_.lanes.count(); ++lane) {
    auto port = NetlinkPort::open();
    if (!port) {
      return tl::unexpected(std::move(port).error());
    }
    ids.push_back(port->id());
    ports.push_back(std::make_unique<LanePort>(context, *std::move(port)));
  }
  ports_ = std::make_shared<PerLane<LanePort>>(std::move(ports));
  auto events = BellListener::open(node_.loop, bell_, [this] { drain_events(); });
  if (!events) {
    return tl::unexpected(std::move(events).error());
  }
  events_.emplace(*std::move(events));
  for (unsigned lane = 0; lane < node_.lanes.count(); ++lane) {
    LanePort& port = *ports_->all()[lane];
    registrations_.push_back(node_.lanes.add(lane, port, {port.port().fd()}));
  }
  WEFT_TRY(is_per_cpu_, kernel_->send_upcalls_to(std::move(ids)));
  if (kernel_->can_check_length()) {
    own_ports_.upcall = kernel_->upcall_port();
  }
  return {};
}

void Fastdp::stop() noexcept {
  is_running_ = false;
  watcher_.reset();
  restore_timer_.cancel();
  sweep_timer_.cancel();
  linger_timer_.cancel();
  former_timer_.cancel();
  watch_ = {};
  topology_ = {};
  events_.reset();
  if (ipsec_ != nullptr) {
    ipsec_->keep();  // the kernel goes on forwarding
  }
  sessions_.stop();
  retired_.clear();
  guard_keeper_.reset();
  ipsec_.reset();
  registrations_.clear();
}

Result<std::unique_ptr<OverlayConnection>> Fastdp::prepare(
    const OverlayLink& link, std::shared_ptr<OverlayListener> listener) {
  if (!link.local_address.address.is_v4() || !link.remote_address.address.is_v4()) {
    return fail(Errc::unsupported, "use the fast datapath over IPv6: fastdp is IPv4 only");
  }
  if (link.session_key && ipsec_missing_) {
    return tl::unexpected(*ipsec_missing_);
  }
  auto session = std::make_shared<fastdp::Session>(
      fastdp::Session::Context{
          node_.loop, node_.log,
          [this](PeerName remote, const TunnelOutput& output, const fastdp::Heartbeat& heartbeat) {
            send_heartbeat(remote, output, heartbeat);
          },
          [this] { path_changed(); }, [this] { return ipsec_.get(); },
          [this](const net::IpAddress& local, const net::IpAddress& remote) {
            return forget_reports(local, remote);
          },
          [this](fastdp::Session& confirmed) { on_confirmed(confirmed); },
          [this](fastdp::Session& ended) { on_ended(ended); }},
      link, std::make_shared<LaneForwarder>(node_.lanes, ports_), std::move(listener));
  const Forwarder* const forwarder = session->forwarder().get();
  return sessions_.connect(forwarder, std::move(session));
}

void Fastdp::on_confirmed(fastdp::Session& session) {
  const auto tunnel = tunnels_->ensure_for(session.link());
  if (!tunnel) {
    node_.log.error("fast datapath not used", "peer", session.link().remote, "error",
                    tunnel.error());
    return;
  }
  session.begin({tunnel->number, tunnel->udp_port}, own_ports_.mtu);
  publish_view();
}

void Fastdp::on_ended(fastdp::Session& session) {
  if (!is_running_) {  // the kernel goes on forwarding
    session.stop();
    session.take_encryption().reset();
    return;
  }
  if (session.is_working()) {
    lingering_[session.link().remote] = {*session.output(), node_.loop.now() + linger_time};
    linger_timer_ = node_.loop.after(linger_time, [this] { replan(); });
  }
  session.stop();
  if (auto encryption = session.take_encryption()) {
    // Longer than a flow without a route is left alone.
    retired_.push_back(
        {std::move(encryption), node_.loop.now() + FlowTable::grace + 3 * sweep_period});
  }
  publish_view();
}

std::optional<TunnelOutput> Fastdp::output_for(const FlowHop& hop) const {
  const auto session = sessions_.find(hop.forwarder.get());
  const bool is_direct = session != nullptr && session->link().remote == hop.destination;
  if (!is_direct) {
    const auto direct = lingering_.find(hop.destination);
    if (direct != lingering_.end() && node_.loop.now() < direct->second.until) {
      return direct->second.output;
    }
  }
  return session != nullptr ? session->output() : std::nullopt;
}

void Fastdp::send_heartbeat(PeerName remote, TunnelOutput output,
                            const fastdp::Heartbeat& heartbeat) {
  const auto from = ids_.id(node_.self);
  const auto to = ids_.id(remote);
  if (!from || !to) {
    counters_.no_short_id.add();
    return;  // the next one finds them
  }
  output.tunnel.id = fastdp::tunnel_id(*from, *to);
  const Bytes frame = fastdp::make_heartbeat(heartbeat);
  static_cast<void>(heartbeat_sender_->stage(kernel_->index(), frame, output));
  if (heartbeat_sender_->flush() != 0) {
    counters_.execute_errors.add();
  }
}

void Fastdp::drain_events() {
  std::vector<FlowKey> missed;
  for (const auto& port : ports_->all()) {
    LaneEvent event;
    while (port->events().pop(event)) {
      if (event.heartbeat) {
        on_heartbeat(event);
      } else {
        if (event.key.tunnel &&
            ids_.peer(fastdp::destination_of(event.key.tunnel->id)) != node_.self) {
          event.key.macs.reset();  // relayed whatever its MACs
        }
        missed.push_back(event.key);
      }
    }
  }
  if (!missed.empty()) {
    flows_->missed(missed, node_.loop.now());
  }
  count_flows();
}

void Fastdp::on_heartbeat(const LaneEvent& event) {
  for (const auto& [forwarder, session] : sessions_.all()) {
    if (session->link().connection_uid == event.heartbeat->uid) {
      if (!session->on_heartbeat(event.key.in_port, event.key.tunnel->source, *event.heartbeat)) {
        counters_.stray_heartbeats.add();
      }
      return;
    }
  }
}

void Fastdp::on_topology(const Topology& topology) {
  fastdp::PeerIds ids(topology);
  if (ids == ids_) {
    return;
  }
  ids_ = std::move(ids);
  former_ids_.update(ids_);
  publish_view();
  sweep();  // what flows say of MACs may make sense only now
}

/// Once for all the connections that one round of the loop is about.
void Fastdp::path_changed() {
  if (!std::exchange(is_replan_due_, true)) {
    node_.loop.post([this] {
      is_replan_due_ = false;
      if (is_running_) {
        publish_view();
        replan();
      }
    });
  }
}

void Fastdp::publish_view() {
  view_.publish(std::make_shared<const LaneView>(make_view()));
}

LaneView Fastdp::make_view() const {
  LaneView view{.ids = ids_, .datapath = kernel_->index(), .bridge = own_ports_.bridge};
  for (const auto& [forwarder, session] : sessions_.all()) {
    view.is_encrypting = view.is_encrypting || session->link().session_key.has_value();
    if (session->output()) {
      view.neighbours.emplace_back(session->output()->port, session->output()->tunnel.destination);
    }
  }
  std::ranges::sort(view.neighbours);
  return view;
}

void Fastdp::join(DatapathPorts ports, Reply<> reply) {
  answer_on(node_.loop, std::move(reply), [this, ports = std::move(ports)]() mutable -> Result<> {
    return is_running_ ? attach(std::move(ports))
                       : fail(Errc::abandoned, "join the datapath: the plugin is stopping");
  });
}

void Fastdp::leave(Reply<> reply) {
  answer_on(node_.loop, std::move(reply), [this] { return detach(); });
}

Result<> Fastdp::attach(DatapathPorts ports) {
  joined_ = std::move(ports);
  own_ports_.mtu = joined_->mtu;
  for (const auto& [forwarder, session] : sessions_.all()) {
    session->set_pods_mtu(own_ports_.mtu);
  }
  WEFT_TRY(join_ports());
  node_.log.info("datapath ready", "datapath", settings_.datapath, "mtu", own_ports_.mtu, "upcalls",
                 is_per_cpu_ ? "per processor" : "per port", "adopted flows",
                 flows_->counts().adopted);
  return {};
}

Result<> Fastdp::join_ports() {
  auto rtnl = nl::Socket::open(NETLINK_ROUTE);
  if (!rtnl) {
    return tl::unexpected(std::move(rtnl).error());
  }
  nl::Link device;
  WEFT_TRY(device, nl::require_link(*rtnl, settings_.datapath));
  WEFT_TRY(nl::change_link(*rtnl, device.index, {.mtu = own_ports_.mtu, .up = true}));
  WEFT_TRY(own_ports_.bridge,
           kernel_->ensure_vport({.number = bridge_number, .name = joined_->bridge}));
  WEFT_TRY(own_ports_.router, kernel_->ensure_vport({.name = joined_->router}));
  publish_view();
  sweep();
  flows_->missed({{.in_port = own_ports_.router}}, node_.loop.now());
  return {};
}

Result<> Fastdp::detach() {
  joined_.reset();
  if (own_ports_.router != 0) {
    WEFT_TRY(kernel_->delete_vport(own_ports_.router));
  }
  if (own_ports_.bridge != 0) {
    WEFT_TRY(kernel_->delete_vport(own_ports_.bridge));
  }
  own_ports_.router = 0;
  own_ports_.bridge = 0;
  publish_view();
  return {};
}

Result<FastdpStatus> Fastdp::status() {
  FastdpStatus status;
  WEFT_TRY(status.vports, tunnels_->vports());
  WEFT_TRY(status.flows, kernel_->dump());
  for (const auto& [forwarder, session] : sessions_.all()) {
    status.connections.push_back(session->describe());
  }
  std::ranges::sort(status.connections, {}, &fastdp::SessionStatus::remote);
  status.counts = flows_->counts();
  status.is_per_cpu = is_per_cpu_;
  return status;
}

}  // namespace weft::odp
