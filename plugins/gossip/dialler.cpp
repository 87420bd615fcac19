/// Dials by plan, one attempt for each address at a time.

#include "gossip/dialler.hpp"

#include <utility>

#include <fmt/core.h>

namespace weft::gossip {

Dialler::Dialler(const Environment& environment, ConnectionMaker::Settings settings,
                 std::uint32_t connection_limit)
    : env_(environment),
      connection_limit_(connection_limit),
      maker_(settings),
      direct_peers_(env_.loop, env_.transport, env_.log, env_.metrics, maker_,
                    [this] { on_direct_peers_changed(); }) {}

void Dialler::on_direct_peers_changed() {
  std::vector<std::string> peers;
  std::set<net::IpAddress> addresses;
  for (const auto& [text, peer] : maker_.direct_peers()) {
    peers.push_back(text);
    addresses.insert(peer.addresses.begin(), peer.addresses.end());
  }
  if (addresses != published_addresses_) {
    published_addresses_ = addresses;
    env_.events.on_direct_addresses({addresses.begin(), addresses.end()});
  }
  if (peers != published_direct_) {
    published_direct_ = peers;
    env_.events.on_direct_peers(std::move(peers));
  }
  plan_soon();
}

void Dialler::plan_soon() {
  if (!std::exchange(is_plan_due_, true)) {
    plan_timer_ = env_.loop.after(Duration::zero(), [this] { plan(); });
  }
}

void Dialler::plan() {
  is_plan_due_ = false;
  const TimePoint now = env_.loop.now();
  const ConnectionMaker::Plan plan = maker_.plan(env_.peers, now);
  if (plan.again) {
    plan_timer_ = env_.loop.after(*plan.again - now, [this] { this->plan(); });
  }
  for (const ConnectionMaker::Dial& target : plan.dial) {
    dial(target);
  }
  env_.events.on_planned();
}

void Dialler::dial(const ConnectionMaker::Dial& target) {
  if (const auto why = full()) {
    dial_failed(target.address, *why);
    return;
  }
  env_.log.debug("attempting connection", "address", target.address);
  dials_[target.address] =
      env_.transport.dial(target.address, dial_timeout,
                          [this, target](auto stream) { on_dialled(target, std::move(stream)); });
}

void Dialler::on_dialled(const ConnectionMaker::Dial& target,
                         Result<std::unique_ptr<Stream>> stream) {
  const ConnectionMaker::Dial dialled = target;  // the callback that holds it goes with `finished`
  env_.loop.post([finished = std::exchange(dials_[dialled.address], nullptr)] {});
  dials_.erase(dialled.address);
  if (!stream) {
    dial_failed(dialled.address, stream.error());
    return;
  }
  if (!maker_.is_wanted(dialled.address)) {
    dial_failed(dialled.address, Error{make_error_code(Errc::conflict),
                                       "connect: the peer there is connected some other way"});
    return;
  }
  env_.events.on_dialled(dialled, *std::move(stream));
}

void Dialler::dial_failed(const net::Endpoint& address, const Error& error) {
  env_.log.debug("connection attempt failed", "address", address, "reason", error);
  maker_.ended({0, address, true, ConnectionMaker::Ending::failure, error}, env_.loop.now(),
               random_unit(env_.loop));
  direct_peers_.on_unreachable(address.address);
  plan_soon();
}

std::optional<Error> Dialler::full() const {
  if (connection_limit_ == 0 || env_.links.added() < connection_limit_) {
    return std::nullopt;
  }
  return Error{make_error_code(Errc::pool_exhausted),
               fmt::format("connect: Connection limit reached ({})", connection_limit_)};
}

}  // namespace weft::gossip
