/// Targets and their back-off.

#include "gossip/connection_maker.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include <fmt/core.h>

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

struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

/// "host", "host:port", "[v6]", "[v6]:port", or a bare IPv6 address with its several colons.
std::optional<HostAndPort> split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) {
      return HostAndPort{host, std::nullopt};
    }
    return rest.front() == ':' ? std::optional(HostAndPort{host, rest.substr(1)}) : std::nullopt;
  }
  if (std::count(text.begin(), text.end(), ':') != 1) {
    return HostAndPort{text, std::nullopt};
  }
  const std::size_t colon = text.find(':');
  return HostAndPort{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

Result<DirectPeer> parse_direct_peer(std::string_view text) {
  const auto refuse = [text] {
    return fail(Errc::invalid, fmt::format("use peer '{}': it should be host[:port]", text));
  };
  const auto parts = split(text);
  if (!parts || parts->host.empty() ||
      parts->host.find_first_of(" /\t\n[]") != std::string_view::npos) {
    return refuse();
  }
  DirectPeer peer;
  peer.text = text;
  peer.host = parts->host;
  if (parts->port) {
    const char* const end = parts->port->data() + parts->port->size();
    const auto [stop, error] = std::from_chars(parts->port->data(), end, peer.port);
    if (error != std::errc{} || stop != end || peer.port == 0) {
      return refuse();
    }
  }
  if (const auto literal = net::parse_ip(peer.host)) {
    peer.address = *literal;
  } else if (peer.host.find(':') != std::string::npos) {
    return refuse();
  }
  return peer;
}

void ConnectionMaker::add_direct(std::vector<DirectPeer> peers, bool replace, TimePoint now) {
  if (replace) {
    direct_.clear();
  }
  for (DirectPeer& peer : peers) {
    if (const auto address = endpoint(peer)) {
      if (const auto target = targets_.find(*address); target != targets_.end()) {
        try_now(target->second, now);
      }
    }
    std::string text = peer.text;
    direct_.insert_or_assign(std::move(text), std::move(peer));
  }
}

void ConnectionMaker::forget_direct(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    direct_.erase(text);
  }
}

void ConnectionMaker::retry_all(TimePoint now) {
  for (auto& [address, target] : targets_) {
    if (target.try_after) {
      try_now(target, now);
    }
  }
}

void ConnectionMaker::set_address(const std::string& text, net::IpAddress address) {
  if (const auto peer = direct_.find(text); peer != direct_.end()) {
    peer->second.address = address;
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
  if (connection.ending == Ending::wrong_place) {
    try_never(target);
  } else if (target.try_after && now > *target.try_after + reset_after) {
    try_now(target, now);
  } else {
    try_later(target, now, jitter);
  }
}

std::size_t ConnectionMaker::active_direct_peers() const {
  return static_cast<std::size_t>(
      std::count_if(direct_.begin(), direct_.end(), [this](const auto& named) {
        const auto address = endpoint(named.second);
        const auto target = address ? targets_.find(*address) : targets_.end();
        return target == targets_.end() || target->second.try_after.has_value();
      }));
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

std::optional<net::Endpoint> ConnectionMaker::endpoint(const DirectPeer& peer) const {
  if (!peer.address) {
    return std::nullopt;
  }
  return net::Endpoint{*peer.address, peer.port != 0 ? peer.port : settings_.port};
}

/// A peer given without a port is not dialled while it is connected to us. Neither is one whose
/// name, learned when its address last answered, is connected some other way: dialling it could
/// only replace a good connection.
void ConnectionMaker::want_direct(const Connected& connected, Wanted& wanted) const {
  for (const auto& [text, peer] : direct_) {
    const auto address = endpoint(peer);
    if (!address) {
      continue;
    }
    wanted.direct.insert(*address);
    const auto target = targets_.find(*address);
    const bool is_known = target != targets_.end() && target->second.remote != unknown_peer &&
                          connected.names.contains(target->second.remote);
    const bool is_inbound = peer.port == 0 && connected.inbound.contains(*peer.address);
    if (!is_known && !is_inbound && !connected.addresses.contains(*address)) {
      wanted.all.insert(*address);
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
