/// Exposes, restores and hides the bridge's addresses.

#include "exposures.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

namespace weft::bridge {
namespace {

using namespace std::chrono_literals;

// Whoever flushes an interface deletes its addresses one by one; one look after that is enough.
constexpr Duration settle_time = 100ms;
constexpr Duration retry_time = 5s;  // after the kernel refused an address
constexpr Duration warning_interval = 60s;

/// Says in the store that an address is exposed without masquerade, for the next start.
std::string plain_key(const net::Cidr& address) {
  return fmt::format("bridge/without-masquerade/{}", to_string(address));
}

Result<> stopping() {
  return fail(Errc::abandoned, "use the bridge: the plugin is stopping");
}

}  // namespace

Result<> Exposures::start(LinuxBridge& bridge, Store* store) {
  nl::Link link;
  WEFT_TRY(link, bridge.link());
  index_ = link.index;
  bridge_ = &bridge;
  store_ = store;
  auto watcher = nl::Watcher::open(
      loop_, NETLINK_ROUTE,
      {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE},
      [this](const nlmsghdr& message) { host_changed(message); },
      [this] {
        is_route_gone_ = true;
        check_later();
      });
  if (!watcher) {
    return tl::unexpected(std::move(watcher).error());
  }
  watcher_.emplace(*std::move(watcher));
  std::vector<net::Cidr> held;
  WEFT_TRY(held, bridge.addresses());
  for (const net::Cidr& address : held) {
    log_.info("address found on the bridge", "address", address);
    WEFT_TRY(bridge.add_address(address));  // announces it
    found_.insert(address);
    masquerade_unless_plain(address);
  }
  is_route_gone_ = true;  // nobody watched before
  check();
  return {};
}

void Exposures::stop() noexcept {
  watcher_.reset();
  settle_timer_.cancel();
  bridge_ = nullptr;
  nat_ = nullptr;
}

void Exposures::use(Nat* nat) {
  nat_ = nat;
  for (const net::Cidr& address : exposed()) {
    masquerade_unless_plain(address);
  }
}

void Exposures::expose(const net::Cidr& address, bool masquerade, Reply<> reply) {
  auto added = add(address);
  if (!added) {
    reply(std::move(added));
    return;
  }
  wanted_.insert(address);
  found_.erase(address);
  remember(address, masquerade);
  if (nat_ == nullptr) {
    if (masquerade) {
      log_.warn("address exposed without masquerade: no plugin provides it", "address", address);
    }
    reply({});
  } else if (masquerade) {
    nat_->masquerade(address.network(), std::move(reply));
  } else {
    nat_->stop_masquerade(address.network(), std::move(reply));
  }
}

/// What the bridge has already adds no route.
Result<> Exposures::add(const net::Cidr& address) {
  if (bridge_ == nullptr) {
    return stopping();
  }
  std::vector<net::Cidr> held;
  WEFT_TRY(held, bridge_->addresses());
  const bool is_new = std::ranges::none_of(
      held, [&](const net::Cidr& each) { return each.network() == address.network(); });
  if (is_new) {
    WEFT_TRY(plan_.admit(address));
  }
  return bridge_->add_address(address);
}

void Exposures::restore(const net::Cidr& address, Reply<> reply) {
  ask_is_plain(address, [this, address, reply = std::move(reply)](bool is_plain) mutable {
    expose(address, !is_plain, std::move(reply));
  });
}

void Exposures::hide(const net::Cidr& address, Reply<> reply) {
  auto deleted = bridge_ != nullptr ? bridge_->delete_address(address) : stopping();
  if (deleted) {
    wanted_.erase(address);
    found_.erase(address);
    remember(address, true);  // nothing to remember
  }
  const bool is_last_there = std::ranges::none_of(
      exposed(),
      [network = address.network()](const net::Cidr& other) { return other.network() == network; });
  if (!deleted || nat_ == nullptr || !is_last_there) {
    reply(std::move(deleted));
    return;
  }
  nat_->stop_masquerade(address.network(), std::move(reply));
}

void Exposures::host_changed(const nlmsghdr& message) {
  if (message.nlmsg_type == RTM_NEWROUTE || message.nlmsg_type == RTM_DELROUTE) {
    if (may_have_taken_route(message)) {
      is_route_gone_ = true;
      check_later();
    }
  } else if (message.nlmsg_type == RTM_NEWADDR || message.nlmsg_type == RTM_DELADDR) {
    const auto* const info = nl::extra_header<ifaddrmsg>(message);
    if (info != nullptr && info->ifa_index == static_cast<std::uint32_t>(index_)) {
      check_later();
    }
  }
}

/// A route of the bridge is gone, or one that took its place: of a replacement the kernel tells
/// only what is new.
bool Exposures::may_have_taken_route(const nlmsghdr& message) const {
  const auto* const info = nl::extra_header<rtmsg>(message);
  if (info == nullptr) {
    return false;
  }
  bool is_of_bridge = false;
  bool is_to_pods = false;
  nl::AttributeReader attributes{message, sizeof(rtmsg)};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == RTA_OIF) {
      is_of_bridge = attribute->number<int>() == index_;
    } else if (attribute->type == RTA_DST) {
      const auto is_network = [&](const net::Cidr& address) {
        return address.prefix_length == info->rtm_dst_len &&
               std::ranges::equal(address.network().address.bytes(), attribute->value);
      };
      is_to_pods =
          std::ranges::any_of(wanted_, is_network) || std::ranges::any_of(found_, is_network);
    }
  }
  return message.nlmsg_type == RTM_DELROUTE ? is_of_bridge || is_to_pods
                                            : is_to_pods && !is_of_bridge;
}

void Exposures::check_later() {
  if (!std::exchange(is_check_pending_, true)) {
    settle_timer_ = loop_.after(settle_time, [this] { check(); });
  }
}

void Exposures::check() {
  is_check_pending_ = false;
  auto held = bridge_->addresses();
  const Result<> restored = held ? put_back(*held) : tl::unexpected(held.error());
  if (!restored) {
    if (restored.error().code != std::errc::no_such_device) {  // else the bridge is gone
      log_.error("addresses of the bridge not put back; trying again", "error", restored.error());
      is_check_pending_ = true;
      settle_timer_ = loop_.after(retry_time, [this] { check(); });
    }
    return;
  }
  held = bridge_->addresses();
  if (held && told_ != *held) {
    told_ = *held;
    changed_(*std::move(held));
  }
}

Result<> Exposures::put_back(const std::vector<net::Cidr>& held) {
  for (const net::Cidr& address : wanted_) {
    if (std::ranges::find(held, address) == held.end()) {
      WEFT_TRY(bridge_->add_address(address));
      warn("somebody took an address off the bridge; put back", address);
    }
  }
  std::erase_if(found_, [&](const net::Cidr& address) {
    return std::ranges::find(held, address) == held.end();
  });
  return std::exchange(is_route_gone_, false) ? put_routes_back() : Result<>();
}

std::set<net::Cidr> Exposures::exposed() const {
  std::set<net::Cidr> all = wanted_;
  all.insert(found_.begin(), found_.end());
  return all;
}

/// The kernel makes them with the addresses, and never again. Without, nothing reaches pods.
Result<> Exposures::put_routes_back() {
  std::vector<net::Cidr> held;
  WEFT_TRY(held, bridge_->addresses());
  for (const net::Cidr& address : exposed()) {
    bool was_local_gone = false;
    if (address.address.is_v4() && std::ranges::find(held, address) != held.end()) {
      WEFT_TRY(was_local_gone, bridge_->add_local_route(address.address));
    }
    if (was_local_gone) {
      warn("somebody deleted the local route of the bridge's address; put back", address);
    }
    const auto was_gone = bridge_->add_route(address);
    if (!was_gone && was_gone.error().code == std::errc::file_exists) {
      warn("somebody routes the pods' network elsewhere; ours comes back when that route goes",
           address.network());
      continue;
    }
    WEFT_TRY(was_gone);
    if (*was_gone) {
      warn("somebody deleted the route to the pods' network; put back", address.network());
    }
  }
  return {};
}

void Exposures::warn(std::string_view what, const net::Cidr& address) {
  const TimePoint now = loop_.now();
  if (now < next_warning_) {
    ++untold_;
    return;
  }
  next_warning_ = now + warning_interval;
  log_.warn(what, "address", address, "others-before", std::exchange(untold_, 0));
}

void Exposures::ask_is_plain(const net::Cidr& address, UniqueFunction<void(bool)> then) {
  if (store_ == nullptr) {
    then(false);
    return;
  }
  store_->get(
      plain_key(address),
      Reply<std::optional<Bytes>>(
          loop_, [then = std::move(then)](const Result<std::optional<Bytes>>& value) mutable {
            then(value && value->has_value());
          }));
}

void Exposures::masquerade_unless_plain(const net::Cidr& address) {
  ask_is_plain(address, [this, address](bool is_plain) {
    if (!is_plain) {
      masquerade_again(address);
    }
  });
}

void Exposures::masquerade_again(const net::Cidr& address) {
  if (nat_ == nullptr) {
    return;
  }
  nat_->masquerade(address.network(), Reply<>(loop_, [this, address](Result<> done) {
                     if (!done) {
                       log_.error("address not masqueraded", "address", address, "error",
                                  done.error());
                     }
                   }));
}

void Exposures::remember(const net::Cidr& address, bool masquerade) {
  if (store_ == nullptr) {
    return;
  }
  Reply<> reply(loop_, [this, address](Result<> done) {
    if (!done) {
      log_.warn("masquerade choice not stored", "address", address, "error", done.error());
    }
  });
  if (masquerade) {
    store_->remove(plain_key(address), std::move(reply));
  } else {
    store_->put({{plain_key(address), {std::byte{1}}}}, std::move(reply));
  }
}

}  // namespace weft::bridge
