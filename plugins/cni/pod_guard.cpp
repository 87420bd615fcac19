/// Adopts, adds and removes guarded pods, and counts what the table drops.

#include "pod_guard.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/nft/reader.hpp>

#include "common/attachment/exchange.hpp"

namespace weft::cni {
namespace {

using namespace std::chrono_literals;

constexpr nft::TableName table_name{guard_table_name, guard_family};
// Interfaces go in bursts; one look after the burst is enough.
constexpr Duration settle_time = 100ms;
// How old the metric of what was dropped may be; how often the log speaks of one reason.
constexpr Duration count_period = 5s;
constexpr Duration log_period = 60s;  // for each reason

/// Says what an administrator can do about the errors that stop everything.
Error with_remedy(Error error) {
  const int code = error.code.category() == std::generic_category() ? error.code.value() : 0;
  if (code == EPERM || code == EACCES) {
    error.context += " (weftd needs CAP_NET_ADMIN)";
  } else if (code == EOPNOTSUPP || code == EPROTONOSUPPORT || code == EAFNOSUPPORT ||
             code == ENOENT) {
    error.context +=
        " (the kernel lacks nftables for bridges: load or build CONFIG_NF_TABLES_BRIDGE)";
  }
  return error;
}

}  // namespace

PodGuard::PodGuard(Loop& loop, Log& log, Metrics& metrics) : loop_(loop), log_(log) {
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    dropped_[i] = &metrics.counter("weft_cni_guard_dropped_total",
                                   "Frames of pods that were not sent as the pod they came from.",
                                   {{"reason", std::string(guard_reasons[i].label)}});
  }
}

Result<> PodGuard::start() {
  auto links = nl::Socket::open(NETLINK_ROUTE);
  if (!links) {
    return tl::unexpected(std::move(links).error());
  }
  links_.emplace(*std::move(links));
  auto table = nft::TableKeeper::open(loop_, log_, table_name);
  if (!table) {
    return tl::unexpected(with_remedy(std::move(table).error()));
  }
  table_ = *std::move(table);
  auto done = adopt();
  if (!done) {
    stop();
    return tl::unexpected(with_remedy(std::move(done).error()));
  }
  return {};
}

Result<> PodGuard::adopt() {
  std::array<std::vector<nft::Element>, 3> sets;
  constexpr std::array names{guard_macs_set, guard_ipv4_set, guard_ipv6_set};
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::optional<std::vector<nft::Element>> elements;
    WEFT_TRY(elements, nft::read_elements(table_->socket(), table_name, names[i]));
    sets[i] = std::move(elements).value_or(std::vector<nft::Element>{});
  }
  for (GuardedPod& pod : pods_from(sets[0], sets[1], sets[2])) {
    std::optional<nl::Link> link;
    WEFT_TRY(link, nl::find_link(*links_, pod.port));
    if (link) {
      pods_.insert_or_assign(pod.port, std::move(pod));
    }
  }
  WEFT_TRY(put());
  auto watcher = nl::Watcher::open(
      loop_, NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR},
      [this](const nlmsghdr& message) { changed(message); }, [this] { look_later(); });
  if (!watcher) {
    return tl::unexpected(std::move(watcher).error());
  }
  watcher_.emplace(*std::move(watcher));
  count_timer_ = loop_.every(count_period, [this] { count(); });
  return {};
}

void PodGuard::stop() noexcept {
  watcher_.reset();
  look_timer_.cancel();
  count_timer_.cancel();
  table_.reset();
}

Result<> PodGuard::remove_table() {
  return nft::TableKeeper::remove(table_name);
}

Result<> PodGuard::put() {
  return table_->keep(guard_table(pods(), bridge_addresses_));
}

std::vector<GuardedPod> PodGuard::pods() const {
  std::vector<GuardedPod> list;
  for (const auto& [port, pod] : pods_) {
    list.push_back(pod);
  }
  return list;
}

Result<> PodGuard::guard(GuardedPod pod) {
  if (pod.port.empty() || pod.port.size() >= IFNAMSIZ) {
    return fail(Errc::invalid, fmt::format("guard port '{}': it is no interface's name", pod.port));
  }
  if (pod.mac.is_group() || pod.mac == net::Mac{}) {
    return fail(Errc::invalid, fmt::format("guard port '{}': {} is not the MAC of an interface",
                                           pod.port, to_string(pod.mac)));
  }
  const auto has_its_mac = [&](const auto& other) {
    return other.first != pod.port && other.second.mac == pod.mac;
  };
  if (std::ranges::any_of(pods_, has_its_mac)) {
    look();  // the other may be gone
  }
  if (const auto other = std::ranges::find_if(pods_, has_its_mac); other != pods_.end()) {
    return fail(Errc::conflict, fmt::format("guard port '{}': its pod has the MAC {} of port '{}'",
                                            pod.port, to_string(pod.mac), other->first));
  }
  GuardedPod& held = pods_[pod.port];
  if (held == pod && table_->is_in_force()) {
    return {};
  }
  held = std::move(pod);
  return put();
}

Result<> PodGuard::release(const std::string& port) {
  return pods_.erase(port) != 0 ? put() : Result<>{};
}

void PodGuard::set_bridge(const std::string& name) {
  if (std::exchange(bridge_, name) != name) {
    look();
  }
}

void PodGuard::changed(const nlmsghdr& message) {
  if (message.nlmsg_type == RTM_NEWADDR || message.nlmsg_type == RTM_DELADDR) {
    look_later();
    return;
  }
  if (const auto link = nl::parse_link(message);
      link && message.nlmsg_type == RTM_DELLINK && pods_.contains(link->name)) {
    look_later();
  }
}

void PodGuard::look_later() {
  if (!is_look_pending_) {
    is_look_pending_ = true;
    look_timer_ = loop_.after(settle_time, [this] { look(); });
  }
}

/// Forgets pods whose port is gone and reads the bridge's addresses. A port's name may be in use
/// again by now: what counts is what is there.
void PodGuard::look() {
  is_look_pending_ = false;
  const auto links = nl::list_links(*links_);
  if (!links) {
    log_.warn("guarded ports not compared with interfaces", "error", links.error());
    return;
  }
  const auto named = [&](const std::string& name) {
    return std::ranges::find(*links, name, &nl::Link::name);
  };
  std::erase_if(pods_, [&](const auto& pod) { return named(pod.first) == links->end(); });
  bridge_addresses_.clear();
  if (const auto bridge = named(bridge_); bridge != links->end()) {
    const auto held = nl::list_addresses(*links_, bridge->index);
    for (const net::Cidr& each : held.value_or(std::vector<net::Cidr>{})) {
      if (!each.address.is_v4()) {
        bridge_addresses_.push_back(each.address);
      }
    }
  }
  if (const auto done = put(); !done) {
    log_.error("guard of pods not in force", "error", done.error());
  }
}

void PodGuard::count() {
  const auto counts = table_->counts();
  if (!counts) {
    log_.warn("what the guard of pods dropped was not counted", "error", counts.error());
    return;
  }
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    const auto found = counts->find(std::string(guard_reasons[i].comment));
    const std::uint64_t now = found != counts->end() ? found->second : 0;
    dropped_[i]->add(now - std::exchange(counted_[i], now));
    if (now > logged_[i].frames && loop_.now() >= logged_[i].next) {
      log_.warn("frames of pods dropped", "because", guard_reasons[i].comment, "frames",
                now - logged_[i].frames, "ports that sent such lately", offenders());
      logged_[i] = {now, loop_.now() + log_period};
    }
  }
}

std::string PodGuard::offenders() {
  const auto elements = nft::read_elements(table_->socket(), table_name, guard_offenders_set);
  return elements && *elements ? fmt::format("{}", fmt::join(offenders_from(**elements), ", "))
                               : "";
}

Result<std::vector<std::string>> PodGuard::unguarded_ports() {
  std::vector<nl::Link> links;
  WEFT_TRY(links, nl::list_links(*links_));
  const auto bridge = std::ranges::find(links, bridge_, &nl::Link::name);
  std::vector<std::string> ports;
  for (const nl::Link& link : links) {
    if (bridge != links.end() && link.master == bridge->index &&
        link.name.starts_with(pod_port_prefix) && !pods_.contains(link.name)) {
      ports.push_back(link.name);
    }
  }
  return ports;
}

}  // namespace weft::cni
