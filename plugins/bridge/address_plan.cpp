/// Compares the pods' networks with the host's, now and after each change of either.

#include "address_plan.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>
#include <fmt/format.h>

#include <weft/netlink/message.hpp>

#include "routing_policy.hpp"

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;

// Routes come and go in bursts while a network is configured.
constexpr Duration settle_time = 500ms;
constexpr std::size_t most_named = 4;

std::string list(std::vector<std::string> collisions) {
  const std::size_t all = collisions.size();
  collisions.resize(std::min(all, most_named));
  return fmt::format("{}{}", fmt::join(collisions, "; "),
                     all > most_named ? fmt::format("; and {} more", all - most_named) : "");
}

std::string list(const std::vector<net::Cidr>& networks) {
  std::string text;
  for (const net::Cidr& network : networks) {
    text += (text.empty() ? "" : ", ") + to_string(network);
  }
  return text.empty() ? "none of this size" : text;
}

net::Cidr read_network(ByteView octets, unsigned char prefix_length) {
  net::Cidr network{{octets.size() == 4 ? net::Family::v4 : net::Family::v6, {}}, prefix_length};
  std::ranges::copy(octets.first(std::min<std::size_t>(octets.size(), 16)),
                    network.address.octets.begin());
  return network;
}

constexpr auto advice =
    "set another 'range' under [plugin.ipam] on all nodes, or a 'default-subnet' that leaves these "
    "addresses out";
constexpr std::string_view holds_others = "holds what this node reaches otherwise";
constexpr std::string_view is_cut_off = "is cut off from this node by routing rules";

/// What to do about rules of which the first has `priority`.
std::string way_past(std::uint32_t priority, const net::Cidr& network) {
  return priority == 0
             ? std::string("remove the rule, or give it a priority above 0")
             : fmt::format("ip{} rule add to {} lookup main pref {}",
                           network.address.is_v4() ? "" : " -6", to_string(network), priority - 1);
}

}  // namespace

Result<> AddressPlan::start(int bridge) {
  bridge_ = bridge;
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  socket_.emplace(*std::move(socket));
  auto watcher = nl::Watcher::open(
      loop_, NETLINK_ROUTE,
      {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
       RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE},
      [this](const nlmsghdr& message) { host_changed(message); }, [this] { check_later(); });
  if (!watcher) {
    return tl::unexpected(std::move(watcher).error());
  }
  watcher_.emplace(*std::move(watcher));
  return {};
}

void AddressPlan::stop() noexcept {
  watcher_.reset();
  settle_timer_.cancel();
  socket_.reset();
}

void AddressPlan::set_direct_peers(std::vector<net::IpAddress> addresses) {
  direct_peers_ = std::move(addresses);
  check_later();
}

void AddressPlan::set_topology(const Topology& topology) {
  std::set<net::IpAddress> connected;
  if (const Topology::Peer* const self = topology.find(topology.self)) {
    for (const Topology::Connection& connection : self->connections) {
      if (const auto endpoint = net::parse_endpoint(connection.address)) {
        connected.insert(endpoint->address);
      }
    }
  }
  if (connected != connected_) {
    connected_ = std::move(connected);
    check_later();
  }
}

Result<> AddressPlan::admit(const net::Cidr& address) {
  const net::Cidr network = address.network();
  std::optional<Fault> fault;
  WEFT_TRY(fault, compare(network));
  if (!fault) {
    refused_.erase(network);
    return {};
  }
  refused_.insert_or_assign(network, *fault);
  return fail(Errc::conflict,
              fmt::format("give pods addresses in {}, which {}: {}. Nothing was changed; {}",
                          to_string(network), fault->what, fault->with, fault->remedy));
}

void AddressPlan::bridge_has(const std::vector<net::Cidr>& addresses) {
  in_use_.clear();
  for (const net::Cidr& address : addresses) {
    in_use_.insert(address.network());
  }
  check_later();
}

void AddressPlan::host_changed(const nlmsghdr& message) {
  if (concerns_us(message)) {
    check_later();
  }
}

/// A node may have a million routes, of which others change many a second.
bool AddressPlan::concerns_us(const nlmsghdr& message) const {
  if (message.nlmsg_type == RTM_NEWRULE || message.nlmsg_type == RTM_DELRULE) {
    return true;
  }
  bool is_about_us = false;
  const auto look_at = [&](ByteView octets, unsigned char prefix_length) {
    is_about_us = is_about_us || is_ours(read_network(octets, prefix_length));
  };
  if (const auto* const route = nl::extra_header<rtmsg>(message);
      route != nullptr &&
      (message.nlmsg_type == RTM_NEWROUTE || message.nlmsg_type == RTM_DELROUTE)) {
    const bool is_main = route->rtm_table == RT_TABLE_MAIN || route->rtm_table == RT_TABLE_LOCAL;
    is_about_us = route->rtm_dst_len == 0 && !is_main;  // rules may send pods' packets there
    nl::AttributeReader attributes{message, sizeof(rtmsg)};
    while (const auto attribute = attributes.next()) {
      if (attribute->type == RTA_OIF && attribute->number<int>() == bridge_ && is_main) {
        return false;
      }
      if (attribute->type == RTA_DST) {
        look_at(attribute->value, route->rtm_dst_len);
      } else if (attribute->type == RTA_GATEWAY) {
        look_at(attribute->value, attribute->value.size() == 4 ? 32 : 128);
      } else if (attribute->type == RTA_MULTIPATH) {
        return true;
      }
    }
  } else if (const auto* const info = nl::extra_header<ifaddrmsg>(message)) {
    nl::AttributeReader attributes{message, sizeof(ifaddrmsg)};
    while (const auto attribute = attributes.next()) {
      if (attribute->type == IFA_LOCAL || attribute->type == IFA_ADDRESS) {
        look_at(attribute->value, attribute->value.size() == 4 ? 32 : 128);
      }
    }
    return is_about_us && info->ifa_index != static_cast<std::uint32_t>(bridge_);
  }
  return is_about_us;
}

bool AddressPlan::is_ours(const net::Cidr& changed) const {
  const auto overlaps = [&](const net::Cidr& network) { return network.overlaps(changed); };
  return std::ranges::any_of(in_use_, overlaps) ||
         std::ranges::any_of(refused_, overlaps, &Faults::value_type::first);
}

void AddressPlan::check_later() {
  if (socket_ && !std::exchange(is_check_pending_, true)) {
    settle_timer_ = loop_.after(settle_time, [this] { check(); });
  }
}

void AddressPlan::check() {
  is_check_pending_ = false;
  const Faults before = std::exchange(used_, {});
  for (const net::Cidr& network : in_use_) {
    auto fault = compare(network);
    if (!fault) {
      log_.error("pods' network not compared with the host's", "network", network, "error",
                 fault.error());
    } else if (*fault) {
      const auto known = before.find(network);
      if (known == before.end() || known->second != **fault) {
        log_.error(fmt::format("pods' network {}; pods go on", (*fault)->what), "network", network,
                   "with", (*fault)->with, "remedy", (*fault)->remedy);
      }
      used_.emplace(network, *std::move(*fault));
    } else if (before.contains(network)) {
      log_.info("nothing is wrong with pods' network any more", "network", network);
    }
  }
  std::erase_if(refused_, [this](const auto& refused) {
    const auto fault = compare(refused.first);
    return fault && !*fault;
  });
}

Result<std::optional<AddressPlan::Fault>> AddressPlan::compare(const net::Cidr& network) {
  if (!socket_) {
    return fail(Errc::abandoned, "compare networks: the plugin is stopping");
  }
  std::optional<CutOff> cut_off;  // first, as it harms already
  WEFT_TRY(cut_off, find_cut_off(*socket_, bridge_, network));
  if (cut_off) {
    return Fault{is_cut_off, list(std::move(cut_off->rules)), way_past(cut_off->priority, network)};
  }
  HostNetworks host;
  WEFT_TRY(host, read_host_networks(*socket_, bridge_, network.address.family, resolvers_));
  for (const net::IpAddress& peer : direct_peers_) {
    host.machines.insert({peer, "a peer"});
  }
  for (const net::IpAddress& peer : connected_) {
    host.machines.insert({peer, "a peer"});
  }
  if (std::vector<std::string> collisions = find_collisions(host, network); !collisions.empty()) {
    return Fault{holds_others, list(std::move(collisions)),
                 fmt::format("{}. Free networks: {}", advice, list(free_networks(host, network)))};
  }
  return std::optional<Fault>{};
}

std::vector<doctor::Check> AddressPlan::checks() const {
  using doctor::State;
  std::vector<doctor::Check> checks;
  for (const auto& [faults, whose] : {std::pair{&used_, "pods' network {}"},
                                      std::pair{&refused_, "pods get no address in {}: it"}}) {
    for (const auto& [network, fault] : *faults) {
      checks.push_back(
          {"address-plan", State::wrong,
           fmt::format("{} {}: {}", fmt::format(fmt::runtime(whose), to_string(network)),
                       fault.what, fault.with),
           fault.remedy});
    }
  }
  if (checks.empty()) {
    checks.push_back(
        {"address-plan", State::ok,
         "no network, gateway, resolver or peer of this node is in the pods' networks, and its "
         "routing rules lead there"});
  }
  return checks;
}

}  // namespace weft::bridge
