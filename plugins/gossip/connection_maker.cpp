/// Targets and their back-off.

#include "gossip/connection_maker.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace weft::gossip {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration initial_interval = seconds{2};
constexpr Duration max_interval = minutes{6};
constexpr Duration reset_after = minutes{1};
constexpr unsigned max_replacements = 16;  // looks for one in each plan: each goes through all

void try_now(ConnectionMaker::Target& target, TimePoint now) {
  target.try_after = now;
  target.interval = initial_interval;
}

void try_later(ConnectionMaker::Target& target, TimePoint now, double jitter) {
  const auto interval = static_cast<double>(target.interval.count());
  target.try_after =
      now + target.interval / 2 + Duration{static_cast<Duration::rep>(interval * jitter)};
  target.interval = std::min(target.interval * 3 / 2, max_interval);
}

void try_never(ConnectionMaker::Target& target) {
  target.try_after.reset();
  target.interval = max_interval;
}

}  // namespace

void ConnectionMaker::add_direct(std::vector<DirectPeer> peers, bool replace, TimePoint now) {
  if (replace) {
    direct_.clear();
  }
  for (DirectPeer& peer : peers) {
    for (const net::Endpoint& address : endpoints(peer)) {
      if (const auto target = targets_.find(address); target != targets_.end()) {
        try_now(target->second, now);
      }
    }
    std::string text = peer.text;
    direct_.insert_or_assign(std::move(text), std::move(peer));
  }
}

std::vector<std::string> ConnectionMaker::forget_direct(const std::vector<std::string>& texts) {
  std::vector<std::string> unknown;
  for (const std::string& text : texts) {
    if (direct_.erase(text) == 0) {
      unknown.push_back(text);
    }
  }
  return unknown;
}

void ConnectionMaker::retry_all(TimePoint now) {
  for (auto& [address, target] : targets_) {
    if (target.try_after) {
      try_now(target, now);
    }
  }
}

void ConnectionMaker::set_addresses(const std::string& host,
                                    const std::vector<net::IpAddress>& addresses) {
  for (auto& [text, peer] : direct_) {
    if (peer.is_name && peer.host == host) {
      peer.addresses = addresses;
    }
  }
}

ConnectionMaker::Plan ConnectionMaker::plan(const Peers& peers, TimePoint now) {
  const Connected live = connected();
  Wanted wanted;
  want_direct(live, wanted);
  for (const net::Endpoint& address : wanted.all) {
    targets_.try_emplace(address);
  }
  Plan plan;
  if (settings_.discovery && !want_discovered(peers, live, wanted)) {
    plan.again = now + scan_pause;
  }

  std::vector<Targets::iterator> due;
  for (auto at = targets_.begin(); at != targets_.end();) {
    auto& [address, target] = *at;
    const bool is_idle = target.state == State::waiting || target.state == State::suspended;
    const bool is_direct = wanted.direct.contains(address);
    const bool is_wanted = wanted.all.contains(address);
    if (is_idle && !is_wanted && !is_direct) {
      at = targets_.erase(at);
      continue;
    }
    if (target.interval == Duration::zero()) {
      try_now(target, now);
    }
    if (is_idle && !is_wanted) {
      target.state = State::suspended;
    } else if (is_idle && target.try_after) {
      target.state = State::waiting;
      if (*target.try_after > now) {
        plan.again = std::min(plan.again.value_or(*target.try_after), *target.try_after);
      } else if (is_direct) {
        target.state = State::attempting;
        plan.dial.push_back({address, true});
      } else {
        due.push_back(at);
      }
    }
    ++at;
  }
  choose(std::move(due), live, plan);
  return plan;
}

/// Of discovered addresses that are due, those whose turn it is. What has to wait is looked at
/// again when an attempt ends.
void ConnectionMaker::choose(std::vector<Targets::iterator> due, const Connected& connected,
                             Plan& plan) {
  Counts turns;  // attempts under way and chosen
  std::size_t attempts = 0;
  for (const auto& [address, target] : targets_) {
    if (target.state == State::attempting && target.claim) {
      ++turns[group(target, connected)];
      ++attempts;
    }
  }
  struct Turn {
    bool is_new;  // nobody ever answered there
    std::size_t number;
    bool is_hearsay;
    Targets::iterator target;
  };
  std::stable_sort(due.begin(), due.end(), [](auto a, auto b) {
    const bool is_a_new = a->second.remote == unknown_peer;
    const bool is_b_new = b->second.remote == unknown_peer;
    return std::tuple(is_a_new, *a->second.try_after) < std::tuple(is_b_new, *b->second.try_after);
  });
  std::vector<Turn> order;
  for (const auto target : due) {
    const PeerName by = group(target->second, connected);
    order.push_back(
        {target->second.remote == unknown_peer, turns[by]++, by == unknown_peer, target});
  }
  std::stable_sort(order.begin(), order.end(), [](const Turn& a, const Turn& b) {
    return std::tuple(a.is_new, a.number, a.is_hearsay) <
           std::tuple(b.is_new, b.number, b.is_hearsay);
  });
  for (const Turn& turn : order) {
    if (attempts == max_attempts) {
      break;
    }
    if (turn.number < max_attempts_each) {
      turn.target->second.state = State::attempting;
      plan.dial.push_back({turn.target->first, false});
      ++attempts;
    }
  }
}

bool ConnectionMaker::is_wanted(const net::Endpoint& address) const {
  const Connected live = connected();
  Wanted wanted;
  want_direct(live, wanted);
  const auto target = targets_.find(address);
  const bool is_discovered = target != targets_.end() && target->second.claim &&
                             !wanted.direct.contains(address) &&
                             !live.names.contains(target->second.claim->about);
  return is_discovered || wanted.all.contains(address);
}

void ConnectionMaker::identified(const net::Endpoint& address, PeerName remote) {
  if (const auto target = targets_.find(address); target != targets_.end()) {
    target->second.remote = remote;
  }
}

void ConnectionMaker::created(ConnectionId id, Live connection) {
  if (connection.outbound) {
    if (const auto target = targets_.find(connection.address); target != targets_.end()) {
      target->second.state = State::connected;
    }
  }
  live_.insert_or_assign(id, connection);
  discovery_.restart();
}

void ConnectionMaker::ended(const Ended& connection, TimePoint now, double jitter) {
  live_.erase(connection.id);
  discovery_.restart();
  const auto at = targets_.find(connection.address);
  if (!connection.outbound || at == targets_.end()) {
    return;
  }
  Target& target = at->second;
  target.state = State::waiting;
  target.last_error = connection.error;
  target.is_ourselves = connection.ending == Ending::ourselves;
  if (target.is_ourselves) {
    target.remote = unknown_peer;
  }
  if (connection.ending != Ending::failure) {
    try_never(target);
  } else if (target.try_after && now > *target.try_after + reset_after) {
    try_now(target, now);
  } else {
    try_later(target, now, jitter);
  }
}

/// Addresses where one peer answered are that one peer. Addresses that never answered may be of as
/// many peers, but a peer with addresses of both families has them in each: one family counts.
std::size_t ConnectionMaker::active_direct_peers() const {
  PeerNames met;
  std::size_t unmet = 0;
  for (const auto& [text, peer] : direct_) {
    PeerNames met_here;
    std::map<net::Family, PeerNames> met_by_family;
    std::map<net::Family, std::size_t> by_family;  // met or not
    for (const net::Endpoint& address : endpoints(peer)) {
      const net::Family family = address.address.family;
      const auto target = targets_.find(address);
      const Target* const known = target == targets_.end() ? nullptr : &target->second;
      if (known != nullptr && (known->is_ourselves || known->remote != unknown_peer)) {
        met_here.insert(known->remote);
        by_family[family] += met_by_family[family].insert(known->remote).second ? 1 : 0;
      } else if (known == nullptr || known->try_after) {
        ++by_family[family];
      }
    }
    std::size_t all = peer.is_name && peer.addresses.empty() ? 1 : 0;
    for (const auto& [family, count] : by_family) {
      all = std::max(all, count);
    }
    unmet += all - std::min(all, met_here.size());
    met.merge(met_here);
  }
  met.erase(unknown_peer);  // ourselves
  return met.size() + unmet;
}

ConnectionMaker::Connected ConnectionMaker::connected() const {
  Connected connected;
  for (const auto& [id, connection] : live_) {
    connected.names.insert(connection.remote);
    connected.addresses.insert(connection.address);
    if (!connection.outbound) {
      connected.inbound.insert(connection.address.address);
    }
  }
  return connected;
}

std::vector<net::Endpoint> ConnectionMaker::endpoints(const DirectPeer& peer) const {
  std::vector<net::Endpoint> endpoints;
  for (const net::IpAddress& address : peer.addresses) {
    endpoints.push_back({address, peer.port != 0 ? peer.port : settings_.port});
  }
  return endpoints;
}

/// A peer given without a port is not dialled while it is connected to us. Neither is one whose
/// name, learned when its address last answered, is connected some other way: dialling it could
/// only replace a good connection.
bool ConnectionMaker::is_connected(const net::Endpoint& address, bool any_port,
                                   const Connected& connected) const {
  const auto target = targets_.find(address);
  return connected.addresses.contains(address) ||
         (any_port && connected.inbound.contains(address.address)) ||
         (target != targets_.end() && target->second.remote != unknown_peer &&
          connected.names.contains(target->second.remote));
}

/// Every address of a name is tried, as they may be of several peers. The other family's, where
/// nobody answered so far, are not while one family has connections.
void ConnectionMaker::want_direct(const Connected& connected, Wanted& wanted) const {
  for (const auto& [text, peer] : direct_) {
    std::set<net::Family> in_use;
    const std::vector<net::Endpoint> addresses = endpoints(peer);
    for (const net::Endpoint& address : addresses) {
      if (is_connected(address, peer.port == 0, connected)) {
        in_use.insert(address.address.family);
      }
    }
    for (const net::Endpoint& address : addresses) {
      wanted.direct.insert(address);
      const auto target = targets_.find(address);
      const bool is_other_family =
          !in_use.empty() && !in_use.contains(address.address.family) &&
          (target == targets_.end() || target->second.remote == unknown_peer);
      if (!is_other_family && !is_connected(address, peer.port == 0, connected)) {
        wanted.all.insert(address);
      }
    }
  }
}

PeerName ConnectionMaker::group(const Target& target, const Connected& connected) {
  const bool is_neighbours = target.claim && connected.names.contains(target.claim->claimant);
  return is_neighbours ? target.claim->claimant : unknown_peer;
}

/// Where others say that peers are to which we have no connection.
bool ConnectionMaker::want_discovered(const Peers& peers, const Connected& connected,
                                      Wanted& wanted) {
  Counts known;
  for (const auto& [address, target] : targets_) {
    if (!target.claim) {
      continue;
    }
    ++known[group(target, connected)];
    if (!connected.names.contains(target.claim->about) && !connected.addresses.contains(address) &&
        stands(peers, *target.claim, address, settings_.port)) {
      wanted.all.insert(address);
    }
  }
  const PeerName self = peers.self().name;
  unsigned replacements = max_replacements;
  return discovery_.scan(peers, [&](PeerName claimant, const Topology::Connection& connection) {
    if (connection.remote == self || connected.names.contains(connection.remote)) {
      return;
    }
    const auto address = claimed_address(connection, settings_.port);
    if (!address || connected.addresses.contains(*address) || wanted.all.contains(*address)) {
      return;
    }
    Target fresh;
    fresh.claim = AddressClaim{claimant, connection.remote};
    std::size_t& count = known[group(fresh, connected)];
    const auto old = targets_.find(*address);
    if (old != targets_.end()) {
      count += old->second.claim ? 0 : 1;
      old->second.claim = fresh.claim;
    } else if (count < max_targets_each || (replacements != 0 && replacements-- != 0 &&
                                            make_room(group(fresh, connected), connected))) {
      count += count < max_targets_each ? 1 : 0;
      targets_.emplace(*address, std::move(fresh));
    } else {
      return;
    }
    wanted.all.insert(*address);
  });
}

/// Forgets the address of a group that failed most often.
bool ConnectionMaker::make_room(PeerName group_name, const Connected& connected) {
  auto worst = targets_.end();
  for (auto at = targets_.begin(); at != targets_.end(); ++at) {
    const Target& target = at->second;
    const bool has_failed = target.state == State::waiting && target.interval > initial_interval;
    if (has_failed && target.remote == unknown_peer && group(target, connected) == group_name &&
        (worst == targets_.end() || target.interval > worst->second.interval)) {
      worst = at;
    }
  }
  if (worst == targets_.end()) {
    return false;
  }
  targets_.erase(worst);
  return true;
}

}  // namespace weft::gossip
