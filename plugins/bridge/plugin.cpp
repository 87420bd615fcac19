/// Provides weft.bridge/1: the bridge for pods, the router's port on it, and exposed addresses.

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>

#include <weft/answer_on.hpp>
#include <weft/events/address.hpp>
#include <weft/events/bridge.hpp>
#include <weft/events/direct_peers.hpp>
#include <weft/events/node_trouble.hpp>
#include <weft/netlink/watcher.hpp>
#include <weft/page.hpp>
#include <weft/plugin.hpp>
#include <weft/service/bridge.hpp>
#include <weft/service/datapath.hpp>
#include <weft/service/dataplane.hpp>
#include <weft/service/nat.hpp>
#include <weft/service/overlay.hpp>
#include <weft/service/store.hpp>

#include "address_plan.hpp"
#include "bridged_iptables.hpp"
#include "common/attachment/attachment.hpp"
#include "exposures.hpp"
#include "link_names.hpp"
#include "linux_bridge.hpp"
#include "node_guard.hpp"
#include "pod_ports.hpp"
#include "pods.hpp"
#include "pods_mtu.hpp"
#include "status.hpp"
#include "tap_port.hpp"

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;

// Links change in bursts while a container starts; one look after the burst is enough.
constexpr Duration settle_time = 100ms;
constexpr Duration warning_interval = 60s;  // of warnings that say the same
constexpr std::string_view port_name = "vethwe-tap";

}  // namespace

/// Everything runs on the plugin's loop; calls of the service are posted there. When the plugin
/// stops, the router's port goes away; the bridge stays, with its pods and addresses.
class BridgePlugin final : public Plugin, public BridgeV2 {
 public:
  explicit BridgePlugin(Host& host)
      : host_(host),
        name_(host.node().bridge),
        node_guard_(host.loop(), host.log(), host.metrics()),
        address_plan_(host.loop(), host.log()),
        exposures_(host.loop(), host.log(), address_plan_,
                   [this](std::vector<net::Cidr> addresses) {
                     address_plan_.bridge_has(addresses);
                     host_.bus().publish(events::BridgeAddressesChanged{std::move(addresses)});
                   }) {}

  void describe(Schema& schema) override {
    schema.field("mtu", configured_mtu_,
                 "Largest IP packet of the pods, in bytes. 0: that of the pods that are on the "
                 "bridge already, or without any what the routes to peers carry.",
                 {0, largest_mtu});
    schema.field("node-guard", wants_node_guard_,
                 "Drop what pods send to the ports at which nodes reach each other.");
  }

  Result<> validate() override {
    WEFT_TRY(validate_bridge_name(name_));
    if (configured_mtu_ != 0 && configured_mtu_ < smallest_mtu) {
      return fail(Errc::invalid, fmt::format("use mtu = {}: take 0, or {} to {}", configured_mtu_,
                                             smallest_mtu, largest_mtu));
    }
    return {};
  }

  Result<> start() override {
    WEFT_TRY(dataplane_, host_.services().require<Dataplane>());
    WEFT_TRY(following_nat_,
             host_.services().follow<Nat>([this](Nat* nat) { exposures_.use(nat); }));
    WEFT_TRY(following_overlays_, host_.services().follow<Overlay>([this](Overlay* /*any*/) {
      overhead_ = 0;
      for (const Overlay* const overlay : host_.services().all<Overlay>()) {
        overhead_ = std::max(overhead_, overlay->overhead());
      }
    }));
    WEFT_TRY(choose_mtu());
    auto opened = LinuxBridge::open(
        {name_, net::Mac::from_value(static_cast<std::uint64_t>(host_.node().name)), mtu_,
         std::string(port_name)});
    if (!opened) {
      return tl::unexpected(std::move(opened).error());
    }
    bridge_.emplace(*std::move(opened));
    WEFT_TRY(bridge_->ensure());
    start_node_guard();
    WEFT_TRY(start_port());
    WEFT_TRY(start_watching());
    WEFT_TRY(command_, host_.control().serve(status_command(), [this](Reply<std::string> answer) {
      answer(status());
    }));
    WEFT_TRY(report_,
             host_.control().serve(report_addition("Router", "bridge", report_fields()),
                                   [this](Reply<std::string> answer) {
                                     // a datapath says so itself
                                     answer(datapath_ == nullptr ? report_json(port_name) : "{}");
                                   }));
    WEFT_TRY(doctor_,
             host_.control().serve(doctor::command_of("bridge"), [this](Reply<std::string> answer) {
               answer(checks().map([this](std::vector<doctor::Check> checks) {
                 std::ranges::move(address_plan_.checks(), std::back_inserter(checks));
                 if (auto of_ports = PodPorts::checks(bridge_->socket(), name_, owned_)) {
                   std::ranges::move(*of_ports, std::back_inserter(checks));
                 }
                 if (auto iptables = check_bridged_iptables()) {
                   checks.push_back(*std::move(iptables));
                 }
                 return doctor::to_json(checks);
               }));
             }));
    WEFT_TRY(start_address_plan());
    local_ranges_ = host_.bus().subscribe<events::LocalRangesChanged>(
        [this](const auto& event) { owned_ = event.ranges; });
    WEFT_TRY(exposures_.start(*bridge_, host_.services().optional<Store>()));
    WEFT_TRY(host_.services().provide<Bridge>(*this));
    return host_.services().provide<BridgeV2>(*this);
  }

  void stop() noexcept override {
    set_datapath_trouble("");
    command_ = {};
    report_ = {};
    doctor_ = {};
    topology_ = {};
    local_ranges_ = {};
    direct_peers_ = {};
    node_ports_ = {};
    node_guard_.stop();
    following_nat_ = {};
    following_overlays_ = {};
    exposures_.stop();
    address_plan_.stop();
    following_datapath_ = {};
    settle_timer_.cancel();
    watcher_.reset();
    if (port_ != nullptr) {
      dataplane_->set_bridge_port(nullptr);
      readers_.reset();
      port_.reset();
    }
    bridge_.reset();
  }

  void info(Reply<BridgeInfo> reply) override {
    answer_on(host_.loop(), std::move(reply), [this] { return read_info(); });
  }

  void expose(net::Cidr address, bool masquerade, Reply<> reply) override {
    run([this, address, masquerade, reply = std::move(reply)]() mutable {
      exposures_.expose(address, masquerade, std::move(reply));
    });
  }

  void restore(net::Cidr address, Reply<> reply) override {
    run([this, address, reply = std::move(reply)]() mutable {
      exposures_.restore(address, std::move(reply));
    });
  }

  void pods(Reply<std::vector<BridgePod>> reply) override {
    answer_on(host_.loop(), std::move(reply), [this]() -> Result<std::vector<BridgePod>> {
      return bridge_ ? find_all_pods(name_) : tl::unexpected(stopping().error());
    });
  }

  void hide(net::Cidr address, Reply<> reply) override {
    run([this, address, reply = std::move(reply)]() mutable {
      exposures_.hide(address, std::move(reply));
    });
  }

 private:
  void run(Task task) { host_.loop().post(std::move(task)); }

  [[nodiscard]] static Result<> stopping() {
    return fail(Errc::abandoned, "use the bridge: the plugin is stopping");
  }

  /// Pods run without the guard where the kernel cannot have it.
  void start_node_guard() {
    if (!wants_node_guard_) {
      if (const auto removed = NodeGuard::remove_table(); !removed) {
        host_.log().warn("guard of nodes' ports not removed", "error", removed.error());
      }
      return;
    }
    if (const auto started = node_guard_.start(name_); !started) {
      node_guard_error_ = started.error().message();
      host_.log().warn("nodes' ports are not kept from pods", "error", started.error());
      return;
    }
    node_ports_ = host_.bus().subscribe<events::NodePort>(
        [this](const auto& event) { node_guard_.add_port(event); });
  }

  Result<> start_address_plan() {
    nl::Link bridge;
    WEFT_TRY(bridge, bridge_->link());
    WEFT_TRY(address_plan_.start(bridge.index));
    direct_peers_ = host_.bus().subscribe<events::DirectPeersChanged>([this](const auto& event) {
      address_plan_.set_direct_peers(event.addresses);
      follow_peers(event.addresses);
    });
    topology_ = host_.bus().subscribe<events::TopologyChanged>([this](const auto& event) {
      node_guard_.set_topology(event.topology);
      if (event.topology) {
        address_plan_.set_topology(*event.topology);
      }
    });
    return {};
  }

  Result<std::vector<doctor::Check>> checks() {
    using doctor::State;
    if (!wants_node_guard_) {
      return std::vector{
          doctor::Check{"node-guard", State::off, "switched off by [plugin.bridge] node-guard"}};
    }
    if (!node_guard_.is_running()) {
      return std::vector{doctor::Check{"node-guard", State::wrong,
                                       "nodes' ports are not kept from pods: " + node_guard_error_,
                                       "make nftables work and restart weftd"}};
    }
    return node_guard_.checks();
  }

  Result<> choose_mtu() {
    if (configured_mtu_ != 0) {
      mtu_ = configured_mtu_;
      return {};
    }
    auto socket = nl::Socket::open(NETLINK_ROUTE);
    if (!socket) {
      return tl::unexpected(std::move(socket).error());
    }
    PodsMtu found;
    WEFT_TRY(found, find_pods_mtu(*socket, name_, {port_name, LinuxBridge::near_end}, overhead_));
    mtu_ = found.mtu;
    host_.log().info("pods' MTU not configured", "mtu", mtu_, "because", found.reason);
    return {};
  }

  /// Where the configuration leaves the MTU open, the routes to peers decide. Pods that are there
  /// keep theirs.
  void follow_peers(const std::vector<net::IpAddress>& peers) {
    const bool is_open = configured_mtu_ == 0 && overhead_ != 0;
    const auto fitting = is_open ? mtu_of_routes_to(peers, overhead_) : std::nullopt;
    if (!fitting || fitting->mtu == mtu_) {
      return;
    }
    const auto pods = find_pods(name_);
    if (!pods || !pods->empty()) {
      if (fitting->mtu < mtu_ && is_due(fitting->reason)) {
        host_.log().warn("pods keep a larger MTU than the way to a peer carries", "MTU", mtu_,
                         "fitting", fitting->mtu, "because", fitting->reason, "remedy",
                         "make the pods anew, or set `mtu` of [plugin.bridge]");
      }
      return;
    }
    mtu_ = fitting->mtu;
    bridge_->set_mtu(mtu_);
    port_->set_mtu(mtu_);
    if (datapath_ != nullptr) {
      join_datapath();
    } else {
      attach_tap();
    }
    host_.log().info("pods' MTU follows the routes to peers", "mtu", mtu_, "because",
                     fitting->reason);
  }

  Result<> start_port() {
    auto tap = open_tap(std::string(port_name), host_.lanes().count());
    if (!tap) {
      return tl::unexpected(std::move(tap).error());
    }
    port_ = std::make_shared<TapPort>(*std::move(tap), mtu_, host_.metrics());
    readers_.emplace(*port_, host_.lanes(), *dataplane_);
    dataplane_->set_bridge_port(port_);
    WEFT_TRY(following_datapath_,
             host_.services().follow<Datapath>([this](Datapath* datapath, ServiceHold hold) {
               datapath_changed(datapath, std::move(hold));
             }));
    if (datapath_ == nullptr) {
      WEFT_TRY(bridge_->attach_port());
    }
    host_.log().info("bridge ready", "bridge", name_, "mtu", mtu_, "port", port_name, "queues",
                     port_->tap().queues.size(), "offloads", port_->tap().offloads);
    return {};
  }

  /// With a datapath, pods' frames reach the network by a veth pair and the kernel; the tap becomes
  /// the datapath's port for what the lanes have to do.
  void datapath_changed(Datapath* datapath, ServiceHold hold) {
    Datapath* const before = std::exchange(datapath_, datapath);
    set_datapath_trouble("");
    if (datapath_ != nullptr) {
      join_datapath();
    } else if (before != nullptr) {
      before->leave(Reply<>(host_.loop(), [this, hold = std::move(hold)](const Result<>& left) {
        if (!left) {
          host_.log().warn("datapath not left", "error", left.error());
        }
        attach_tap();
      }));
    }
  }

  void join_datapath() {
    auto far_end = bridge_->attach_datapath();
    if (!far_end) {
      datapath_failed(far_end.error());
      return;
    }
    datapath_->join({*std::move(far_end), std::string(port_name), mtu_},
                    Reply<>(host_.loop(), [this](const Result<>& joined) {
                      if (!joined && bridge_) {
                        datapath_failed(joined.error());
                      }
                    }));
  }

  /// Pods stay connected, over the overlays that need no datapath.
  void datapath_failed(const Error& error) {
    host_.log().error("datapath not used", "bridge", name_, "error", error);
    set_datapath_trouble(error.message());
    datapath_ = nullptr;
    attach_tap();
  }

  void set_datapath_trouble(std::string reason) {
    if (std::exchange(datapath_trouble_, reason) != reason) {
      host_.bus().publish(events::NodeTrouble{"datapath", std::move(reason)});
    }
  }

  void attach_tap() {
    if (!bridge_) {
      return;
    }
    if (const auto attached = bridge_->attach_port(); !attached) {
      host_.log().error("router's port not attached", "bridge", name_, "error", attached.error());
    }
  }

  Result<> start_watching() {
    auto watcher = nl::Watcher::open(
        host_.loop(), NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV4_NETCONF},
        [this](const nlmsghdr& message) { kernel_changed(message); }, [this] { check_later(); });
    if (!watcher) {
      return tl::unexpected(std::move(watcher).error());
    }
    watcher_.emplace(*std::move(watcher));
    check_later();  // what changed before the watcher existed, or was so all along
    return {};
  }

  void kernel_changed(const nlmsghdr& message) {
    const auto link = nl::parse_link(message);
    const bool is_ours = link && (link->name == name_ || link->name == bridge_->port_name() ||
                                  link->name == port_name || link->name == LinuxBridge::far_end);
    const bool is_pods = link && link->name.starts_with(cni::pod_port_prefix);
    if (is_ours || is_pods || message.nlmsg_type == RTM_NEWNETCONF) {
      check_later();
    }
  }

  void check_later() {
    if (!is_check_pending_) {
      is_check_pending_ = true;
      settle_timer_ = host_.loop().after(settle_time, [this] { check(); });
    }
  }

  void check() {
    is_check_pending_ = false;
    const auto repair = bridge_->check();
    if (!repair) {
      cannot_repair(repair.error());
      return;
    }
    for (const std::string& warning : repair->warnings) {
      warn(warning);
    }
    check_pod_ports();
  }

  void check_pod_ports() {
    const auto faults = pod_ports_.check(bridge_->socket(), name_);
    if (!faults) {
      warn("pods' ports not looked after: " + faults.error().message());
      return;
    }
    for (const auto& [what, port, pod] : *faults) {
      if (is_due(what)) {
        host_.log().warn(what, "bridge", name_, "port", port, "pod", pod);
      }
    }
  }

  void cannot_repair(const Error& error) {
    const bool is_gone = error.code == std::errc::no_such_device;
    if (is_gone && datapath_ != nullptr && bridge_->link()) {
      warn("somebody deleted the way to the datapath; made again");
      join_datapath();
    } else if (is_gone) {
      host_.fail({error.code,
                  fmt::format("go on without the bridge '{}' or its port '{}': somebody deleted "
                              "it",
                              name_, bridge_->port_name())});
    } else if (error.code == Errc::conflict) {
      host_.fail(error);
    } else {
      warn("bridge not repaired: " + error.message());
    }
  }

  /// Two programs that disagree change a setting many times a second.
  [[nodiscard]] bool is_due(const std::string& what) {
    TimePoint& next = next_warnings_[what];
    if (host_.loop().now() < next) {
      return false;
    }
    next = host_.loop().now() + warning_interval;
    return true;
  }

  void warn(const std::string& what) {
    if (is_due(what)) {
      host_.log().warn(what, "bridge", name_, "port", bridge_->port_name());
    }
  }

  Result<BridgeInfo> read_info() {
    if (!bridge_) {
      return tl::unexpected(stopping().error());
    }
    nl::Link link;
    std::vector<net::Cidr> held;
    WEFT_TRY(link, bridge_->link());
    WEFT_TRY(held, bridge_->addresses());
    return BridgeInfo{link.name, link.mac, link.mtu, std::move(held)};
  }

  Result<std::string> status() {
    Status status;
    WEFT_TRY(status.bridge, bridge_->link());
    WEFT_TRY(status.port, bridge_->port());
    WEFT_TRY(status.addresses, bridge_->addresses());
    status.queues = port_->tap().queues.size();
    status.offloads = port_->tap().offloads;
    return to_json(status);
  }

  Host& host_;
  const std::string name_;
  std::uint32_t configured_mtu_ = 0;
  std::uint32_t mtu_ = 0;  // of the pods; set by start
  Dataplane* dataplane_ = nullptr;
  Datapath* datapath_ = nullptr;
  std::optional<LinuxBridge> bridge_;
  std::shared_ptr<TapPort> port_;
  std::optional<PortReaders> readers_;
  bool is_check_pending_ = false;
  std::map<std::string, TimePoint> next_warnings_;
  std::optional<nl::Watcher> watcher_;
  Timer settle_timer_;
  PodPorts pod_ports_;
  NodeGuard node_guard_;
  AddressPlan address_plan_;
  Exposures exposures_;
  bool wants_node_guard_ = true;
  std::string node_guard_error_;  // why it does not run
  CommandRegistration command_;
  CommandRegistration report_;
  CommandRegistration doctor_;
  Subscription node_ports_;
  Subscription topology_;
  Subscription local_ranges_;
  std::vector<net::Cidr> owned_;  // of the pods' addresses
  Subscription direct_peers_;
  Following following_nat_;
  Following following_overlays_;
  std::uint32_t overhead_ = 0;  // the most that an overlay of this node adds to a packet
  Following following_datapath_;
  std::string datapath_trouble_;  // why it is not used
};

}  // namespace weft::bridge

WEFT_PLUGIN(weft::bridge::BridgePlugin)
