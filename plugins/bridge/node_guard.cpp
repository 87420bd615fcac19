/// Follows ports and nodes, and counts what was dropped.

#include "node_guard.hpp"

#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "common/nft/reader.hpp"
#include "common/nft/transaction.hpp"

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;

// A mesh that forms changes its topology many times a second.
constexpr Duration look_time = 500ms;
// How long a node stays guarded after the topology last named it: while it restarts, or a part of
// the network is cut off, pods of others must not reach it.
constexpr Duration linger_time = 1h;
constexpr Duration forget_period = 10min;
// How old the metric of what was dropped may be; how often the log speaks of one hook.
constexpr Duration count_period = 5s;
constexpr Duration log_period = 60s;

/// Says what an administrator can do about the errors that stop everything.
Error with_remedy(Error error) {
  const int code = error.code.category() == std::generic_category() ? error.code.value() : 0;
  if (code == EPERM || code == EACCES) {
    error.context += " (weftd needs CAP_NET_ADMIN)";
  } else if (code == EOPNOTSUPP || code == EPROTONOSUPPORT || code == EAFNOSUPPORT) {
    error.context += " (load the kernel module nf_tables, with CONFIG_NF_TABLES_INET)";
  }
  return error;
}

}  // namespace

NodeGuard::NodeGuard(Loop& loop, Log& log, Metrics& metrics) : loop_(loop), log_(log) {
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    dropped_[i] = &metrics.counter("weft_bridge_node_guard_dropped_total",
                                   "Packets of pods to the ports at which nodes reach each other.",
                                   {{"hook", std::string(guarded_hooks[i].label)}});
  }
}

Result<> NodeGuard::start(std::string bridge) {
  bridge_ = std::move(bridge);
  auto table = nft::TableKeeper::open(loop_, log_, node_guard_name);
  if (!table) {
    return tl::unexpected(with_remedy(std::move(table).error()));
  }
  table_ = *std::move(table);
  if (auto adopted = adopt(); !adopted) {
    stop();
    return tl::unexpected(with_remedy(std::move(adopted).error()));
  }
  old_timer_ = loop_.every(forget_period, [this] { forget_old(); });
  count_timer_ = loop_.every(count_period, [this] { count(); });
  return {};
}

Result<> NodeGuard::adopt() {
  std::array<std::vector<Bytes>, 3> sets;
  constexpr std::array names{node_guard_ports_set, node_guard_ipv4_set, node_guard_ipv6_set};
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::optional<std::vector<Bytes>> elements;
    WEFT_TRY(elements, nft::read_elements(table_->socket(), node_guard_name, names[i]));
    sets[i] = std::move(elements).value_or(std::vector<Bytes>{});
  }
  adopted_ports_ = ports_from(sets[0]);
  for (const auto& set : {sets[1], sets[2]}) {
    for (const net::IpAddress& node : nodes_from(set)) {
      nodes_.emplace(node, loop_.now());
    }
  }
  return put();
}

void NodeGuard::stop() noexcept {
  look_timer_.cancel();
  old_timer_.cancel();
  count_timer_.cancel();
  table_.reset();
}

Result<> NodeGuard::remove_table() {
  auto socket = nl::Socket::open(NETLINK_NETFILTER);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  std::optional<std::uint32_t> flags;
  WEFT_TRY(flags, nft::read_flags(*socket, node_guard_name));
  if (!flags) {
    return {};
  }
  nl::Batch batch;
  nft::append_table_deletion(batch, node_guard_name);
  return socket->commit(batch,
                        fmt::format("delete nftables table '{}'", to_string(node_guard_name)));
}

std::set<Port> NodeGuard::ports() const {
  std::set<Port> all = adopted_ports_;
  const auto add = [&](const std::set<Port>& more) { all.insert(more.begin(), more.end()); };
  for (const auto& [purpose, port] : own_ports_) {
    all.insert(port);
    if (port.first == IPPROTO_TCP) {  // the mesh's
      add(ports_beside(port.second));
    }
  }
  for (const std::uint16_t mesh : dialled_) {
    add(ports_beside(mesh));
  }
  return all;
}

Result<> NodeGuard::put() {
  std::set<net::IpAddress> nodes;
  for (const auto& [address, last] : nodes_) {
    nodes.insert(address);
  }
  auto done = table_->keep(node_guard_table(bridge_, ports(), nodes));
  if (!done) {
    log_.error("nodes' ports not kept from pods", "error", done.error());
  }
  return done;
}

void NodeGuard::add_port(const events::NodePort& port) {
  own_ports_[port.purpose] = {port.protocol, port.port};
  if (is_running()) {
    std::ignore = put();  // logged, and tried again
  }
}

void NodeGuard::set_topology(std::shared_ptr<const Topology> topology) {
  topology_ = std::move(topology);
  if (is_running() && !std::exchange(is_look_pending_, true)) {
    look_timer_ = loop_.after(look_time, [this] { look_at_topology(); });
  }
}

void NodeGuard::look_at_topology() {
  is_look_pending_ = false;
  if (!topology_) {
    return;
  }
  const NodeAddresses named = addresses_of_nodes(*topology_);
  for (const net::IpAddress& address : named.addresses) {
    nodes_[address] = loop_.now();
  }
  if (nodes_.size() > max_guarded_nodes) {
    std::erase_if(nodes_, [&](const auto& node) { return !named.addresses.contains(node.first); });
  }
  if (named.is_cut && !std::exchange(was_cut_, true)) {
    log_.warn("more addresses of nodes than can be kept from pods", "kept", max_guarded_nodes);
  }
  dialled_ = dialled_ports(*topology_);
  std::ignore = put();
}

void NodeGuard::forget_old() {
  adopted_ports_.clear();
  if (topology_) {
    for (const net::IpAddress& address : addresses_of_nodes(*topology_).addresses) {
      nodes_[address] = loop_.now();
    }
  }
  std::erase_if(nodes_, [&](const auto& node) { return loop_.now() - node.second > linger_time; });
  std::ignore = put();
}

void NodeGuard::count() {
  const auto counts = table_->counts();
  if (!counts) {
    log_.warn("what was kept from nodes' ports was not counted", "error", counts.error());
    return;
  }
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    const auto found = counts->find(std::string(guarded_hooks[i].comment));
    const std::uint64_t now = found != counts->end() ? found->second : 0;
    Seen& seen = seen_[i];
    dropped_[i]->add(now - std::exchange(seen.counted, now));
    if (now > seen.logged && loop_.now() >= seen.next_log) {
      log_.warn("packets of pods to nodes' ports dropped", "because", guarded_hooks[i].comment,
                "packets", now - std::exchange(seen.logged, now));
      seen.next_log = loop_.now() + log_period;
    }
  }
}

}  // namespace weft::bridge
