/// Follows ports, and counts what was dropped.

#include "node_guard.hpp"

#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <weft/nft/reader.hpp>

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;

// A mesh that forms changes its topology many times a second.
constexpr Duration look_time = 500ms;
// How long the ports of an earlier run stay guarded: plugins have said theirs by then.
constexpr Duration adopted_time = 10min;
// How old the metric of what was dropped may be; how often the log speaks of one hook.
constexpr Duration count_period = 5s;
constexpr Duration log_period = 60s;

/// Says what an administrator can do about the errors that stop everything.
Error with_remedy(Error error) {
  const int code = error.code.category() == std::generic_category() ? error.code.value() : 0;
  if (code == EPERM || code == EACCES) {
    error.context += " (weftd needs CAP_NET_ADMIN)";
  } else if (code == EOPNOTSUPP || code == EPROTONOSUPPORT || code == EAFNOSUPPORT ||
             code == ENOENT) {
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
  adopted_timer_ = loop_.after(adopted_time, [this] {
    adopted_ports_.clear();
    std::ignore = put();  // logged, and tried again
  });
  count_timer_ = loop_.every(count_period, [this] { count(); });
  return {};
}

Result<> NodeGuard::adopt() {
  std::optional<std::vector<nft::Element>> elements;
  WEFT_TRY(elements, nft::read_elements(table_->socket(), node_guard_name, node_guard_ports_set));
  adopted_ports_ = ports_from(std::move(elements).value_or(std::vector<nft::Element>{}));
  return put();
}

void NodeGuard::stop() noexcept {
  look_timer_.cancel();
  adopted_timer_.cancel();
  count_timer_.cancel();
  table_.reset();
}

Result<> NodeGuard::remove_table() {
  return nft::TableKeeper::remove(node_guard_name);
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
  auto done = table_->keep(node_guard_table(bridge_, ports()));
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
  dialled_ = dialled_ports(*topology_);
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
