/// Claims, restores and takes the bridge's addresses.

#include "node_address.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include <fmt/core.h>

namespace weft::ipam {

namespace {

using namespace std::chrono_literals;

constexpr Duration retry_interval = 5s;

bool has_any_in(const std::vector<net::Cidr>& addresses, const net::Cidr& subnet) {
  return std::ranges::any_of(
      addresses, [&](const net::Cidr& address) { return subnet.contains(address.address); });
}

}  // namespace

void NodeAddress::start(Allocator& allocator, Wishes wishes,
                        const std::vector<net::Cidr>& on_bridge) {
  allocator_ = &allocator;
  wishes_ = std::move(wishes);
  claim_missing(on_bridge);
  compare();
}

void NodeAddress::stop() noexcept {
  allocator_ = nullptr;
  bridge_ = nullptr;
  retry_.cancel();
}

void NodeAddress::use(BridgeV2* bridge) {
  bridge_ = bridge;
  is_new_bridge_ = true;
  compare();
}

/// The bridge puts back what is its own before it tells: what is missing somebody else took back.
void NodeAddress::bridge_has(const std::vector<net::Cidr>& addresses) {
  if (allocator_ == nullptr) {
    return;
  }
  free_lent(addresses);
  const auto claiming_before = claiming_;
  claim_missing(addresses);
  std::ranges::set_difference(claiming_, claiming_before, std::inserter(lent_, lent_.end()));
}

void NodeAddress::free_lent(const std::vector<net::Cidr>& on_bridge) {
  std::erase_if(lent_, [&](const net::Cidr& address) {
    const bool is_gone = std::ranges::find(on_bridge, address) == on_bridge.end();
    if (is_gone && !claiming_.contains(address)) {
      allocator_->release_address(std::string(bridge_owner), address.address,
                                  [](const Result<>& /*freed*/) {});  // it may have been a pod's
    }
    return is_gone && !claiming_.contains(address);
  });
}

void NodeAddress::claim_missing(const std::vector<net::Cidr>& on_bridge) {
  std::erase_if(conflicts_, [&](const auto& conflict) {
    return std::ranges::find(on_bridge, conflict.first) == on_bridge.end();
  });
  const auto held = allocator_->lookup(bridge_owner);
  for (const net::Cidr& address : on_bridge) {
    const bool is_held =
        std::ranges::find(held, address.address, &net::Cidr::address) != held.end();
    if (is_held || !wishes_.universe.contains(address.address) ||
        !claiming_.insert(address).second) {
      continue;
    }
    allocator_->claim(std::string(bridge_owner), address, ClaimMode::found,
                      [this, address](const Result<>& result) { claimed(address, result); });
  }
}

/// Who holds it may give it up, and then it must not go to a pod.
void NodeAddress::claimed(const net::Cidr& address, const Result<>& result) {
  claiming_.erase(address);
  if (result) {
    conflicts_.erase(address);
    if (!lent_.contains(address)) {
      restore(address);  // now it is the bridge's own
    }
  } else if (result.error().code != Errc::cancelled) {
    const auto [at, is_news] = conflicts_.insert_or_assign(address, result.error().message());
    if (is_news) {
      log_.error("the bridge has an address that is not its own", "address", address, "error",
                 result.error());
    }
    retry_ = loop_.after(retry_interval, [this] { compare(); });
  }
}

std::vector<std::string> NodeAddress::warnings() const {
  std::vector<std::string> texts;
  for (const auto& [address, why] : conflicts_) {
    texts.push_back(
        fmt::format("the bridge has {}, which is not its own: {}", net::to_string(address), why));
  }
  return texts;
}

void NodeAddress::compare() {
  if (allocator_ == nullptr || bridge_ == nullptr) {
    return;
  }
  bridge_->info({loop_, [this](const Result<BridgeInfo>& bridge) {
                   if (bridge && allocator_ != nullptr) {
                     agree(bridge->addresses);
                   }
                 }});
}

void NodeAddress::agree(const std::vector<net::Cidr>& on_bridge) {
  claim_missing(on_bridge);
  const bool is_new = std::exchange(is_new_bridge_, false);
  for (const net::Cidr& held : allocator_->lookup(bridge_owner)) {
    if (is_new ||
        std::ranges::find(on_bridge, held.address, &net::Cidr::address) == on_bridge.end()) {
      restore(held);
    }
  }
  want_address(on_bridge);
}

void NodeAddress::want_address(const std::vector<net::Cidr>& on_bridge) {
  if (!wishes_.is_wanted || is_asking_ || has_any_in(on_bridge, wishes_.subnet) ||
      has_any_in(allocator_->lookup(bridge_owner), wishes_.subnet)) {
    return;
  }
  is_asking_ = true;
  allocator_->allocate(
      std::string(bridge_owner), wishes_.subnet,
      [this](const Result<AllocatedAddress>& allocated) {
        is_asking_ = false;
        if (allocated) {
          log_.info("the node has an address among the pods", "address", allocated->address);
          restore(allocated->address);
        } else if (allocated.error().code != Errc::cancelled) {
          log_.error("the node has no address among the pods", "error", allocated.error());
        }
      },
      Patience::endless);
}

/// Once more later when the bridge cannot be given it. A new bridge asks for it by itself.
void NodeAddress::restore(const net::Cidr& address) {
  if (bridge_ == nullptr) {
    return;
  }
  bridge_->restore(address, {loop_, [this, address](const Result<>& exposed) {
                               if (exposed || allocator_ == nullptr || bridge_ == nullptr) {
                                 has_failed_ = has_failed_ && !exposed;
                                 return;
                               }
                               if (!std::exchange(has_failed_, true)) {
                                 log_.error("the node's address is not on the bridge; trying again",
                                            "address", address, "error", exposed.error());
                               }
                               retry_ = loop_.after(retry_interval, [this] { compare(); });
                             }});
}

void NodeAddress::expose(std::optional<net::Cidr> address, std::optional<net::Cidr> subnet,
                         bool masquerade, Answer<net::Cidr> answer) {
  if (address) {
    lent_.erase(*address);
  }
  auto put = [this, masquerade,
              answer = std::move(answer)](const Result<AllocatedAddress>& ours) mutable {
    put_on_bridge(ours, masquerade, std::move(answer));
  };
  if (bridge_ == nullptr) {
    put(fail(Errc::unsupported, "expose an address: no plugin provides a bridge"));
  } else if (address) {
    const auto held = allocator_->lookup(bridge_owner);
    const AllocatedAddress ours{*address, std::ranges::find(held, *address) != held.end()};
    allocator_->claim(std::string(bridge_owner), *address, ClaimMode::strict,
                      [ours, put = std::move(put)](const Result<>& claimed) mutable {
                        claimed ? put(ours) : put(tl::unexpected(claimed.error()));
                      });
  } else {
    allocator_->allocate(std::string(bridge_owner), subnet.value_or(wishes_.subnet),
                         std::move(put));
  }
}

/// What the bridge does not take is free again, unless it was held before.
void NodeAddress::put_on_bridge(const Result<AllocatedAddress>& ours, bool masquerade,
                                Answer<net::Cidr> answer) {
  if (!ours || bridge_ == nullptr) {
    answer(ours ? fail(Errc::abandoned, "expose an address: the bridge has gone")
                : tl::unexpected(ours.error()));
    return;
  }
  bridge_->expose(
      ours->address, masquerade,
      {loop_, [this, ours = *ours, answer = std::move(answer)](const Result<>& exposed) mutable {
         if (exposed || ours.was_held || allocator_ == nullptr) {
           exposed ? answer(ours.address) : answer(tl::unexpected(exposed.error()));
           return;
         }
         allocator_->release_address(
             std::string(bridge_owner), ours.address.address,
             [error = exposed.error(), answer = std::move(answer)](const Result<>&) mutable {
               answer(tl::unexpected(std::move(error)));
             });
       }});
}

void NodeAddress::may_free(std::optional<net::IpAddress> address, Answer<> answer) {
  if (bridge_ == nullptr || allocator_ == nullptr) {
    answer({});
    return;
  }
  bridge_->info(
      {loop_,
       [this, address, answer = std::move(answer)](const Result<BridgeInfo>& bridge) mutable {
         const auto held =
             allocator_ != nullptr ? allocator_->lookup(bridge_owner) : std::vector<net::Cidr>();
         const auto is_used = [&](const net::Cidr& each) {
           return (!address || each.address == *address) && bridge &&
                  std::ranges::find(bridge->addresses, each.address, &net::Cidr::address) !=
                      bridge->addresses.end();
         };
         if (const auto used = std::ranges::find_if(held, is_used); used != held.end()) {
           answer(fail(Errc::conflict,
                       fmt::format("free {0}, which the bridge has: 'weft hide {0}' takes "
                                   "it off the bridge and frees it",
                                   net::to_string(used->address))));
         } else {
           answer({});
         }
       }});
}

/// One ipam.hide under way.
struct NodeAddress::Hiding {
  std::vector<net::Cidr> on_bridge;  ///< still to be taken off it
  std::vector<net::Cidr> hidden;
  std::size_t to_free = 0;
  Answer<std::vector<net::Cidr>> answer;
};

void NodeAddress::hide(std::optional<net::IpAddress> address,
                       Answer<std::vector<net::Cidr>> answer) {
  if (bridge_ == nullptr) {
    answer(fail(Errc::unsupported, "hide an address: no plugin provides a bridge"));
    return;
  }
  bridge_->info(
      {loop_, [this, address, answer = std::move(answer)](Result<BridgeInfo> bridge) mutable {
         if (!bridge || allocator_ == nullptr) {
           answer(bridge ? fail(Errc::abandoned, "hide: the plugin is stopping")
                         : tl::unexpected(std::move(bridge).error()));
           return;
         }
         auto held = allocator_->lookup(bridge_owner);
         held.insert(held.end(), claiming_.begin(), claiming_.end());
         std::erase_if(bridge->addresses, [&](const net::Cidr& each) {
           return address
                      ? each.address != *address
                      : std::ranges::find(held, each.address, &net::Cidr::address) == held.end();
         });
         if (address && bridge->addresses.empty()) {
           answer(fail(Errc::not_found, fmt::format("hide {}: the bridge does not have it",
                                                    net::to_string(*address))));
           return;
         }
         hide_next(std::make_shared<Hiding>(
             Hiding{std::move(bridge->addresses), {}, 0, std::move(answer)}));
       }});
}

/// Off the bridge first: what is free may be given to a pod at once.
void NodeAddress::hide_next(std::shared_ptr<Hiding> hiding) {
  if (hiding->on_bridge.empty() || bridge_ == nullptr || allocator_ == nullptr) {
    free_hidden(hiding);
    return;
  }
  const net::Cidr address = hiding->on_bridge.back();
  hiding->on_bridge.pop_back();
  bridge_->hide(address, {loop_, [this, hiding, address](const Result<>& hidden) {
                            if (!hidden) {
                              hiding->answer(tl::unexpected(hidden.error()));
                              return;
                            }
                            hiding->hidden.push_back(address);
                            hide_next(hiding);
                          }});
}

void NodeAddress::free_hidden(const std::shared_ptr<Hiding>& hiding) {
  if (!hiding->on_bridge.empty() || allocator_ == nullptr) {
    hiding->answer(fail(Errc::abandoned, "hide: the bridge has gone"));
    return;
  }
  if (hiding->hidden.empty()) {
    hiding->answer({});
    return;
  }
  hiding->to_free = hiding->hidden.size();
  for (const net::Cidr& address : std::vector(hiding->hidden)) {
    allocator_->release_address(std::string(bridge_owner), address.address,
                                [hiding](const Result<>& /*freed*/) {  // others' are not held
                                  if (--hiding->to_free == 0) {
                                    hiding->answer(std::move(hiding->hidden));
                                  }
                                });
  }
}

}  // namespace weft::ipam
