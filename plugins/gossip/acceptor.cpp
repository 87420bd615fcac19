/// Serves a new connection, or closes it, or another one to make room for it.

#include "gossip/acceptor.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace weft::gossip {

Acceptor::Acceptor(const Environment& environment, net::Endpoint listen, std::uint32_t places,
                   Accepted accepted)
    : env_(environment),
      listen_(listen),
      places_(places),
      accepted_(std::move(accepted)),
      limiter_(env_.loop.now()),
      refused_(
          env_.metrics.counter("weft_gossip_connections_refused_total",
                               "Connections closed unserved: their source connects too often.")) {}

Result<> Acceptor::start() {
  WEFT_TRY(listener_,
           env_.transport.listen(listen_, [this](auto stream) { on_accepted(std::move(stream)); }));
  return {};
}

net::Endpoint Acceptor::local() const noexcept {
  return listener_ ? listener_->local() : listen_;
}

void Acceptor::on_accepted(std::unique_ptr<Stream> stream) {
  const net::Endpoint address = stream->remote();
  const bool is_of_peer = is_known(address.address);
  if (!limiter_.admit(address.address, is_of_peer, env_.loop.now())) {
    refused_.add();
    if (const auto left_out = env_.log_limiter.admit(env_.loop.now())) {
      env_.log.warn("connections refused: too many in a short time", "address", address, "count",
                    *left_out + 1);
    }
    return;
  }
  make_room(address.address, is_of_peer);
  accepted_(std::move(stream));
}

/// Whether a peer is, or is to be reached, at this address.
bool Acceptor::is_known(const net::IpAddress& address) const {
  const auto& targets = env_.maker.targets();
  const auto target = targets.lower_bound(net::Endpoint{address, 0});
  if (target != targets.end() && target->first.address == address) {
    return true;
  }
  return std::ranges::any_of(env_.links.all(), [&](const auto& entry) {
    return entry.second.is_added && entry.second.address.address == address;
  });
}

/// Ends an introduction when too many are under way: the oldest of the new one's source if that has
/// its share, else the oldest of the source that has most. A peer that answers is soon introduced;
/// one that does not is old soon. A quarter of the places is for known addresses alone.
void Acceptor::make_room(const net::IpAddress& newcomer, bool is_newcomer_known) {
  std::map<net::IpAddress, std::vector<Connection::Id>> by_source;  // oldest first
  std::size_t under_way = 0;
  for (const auto& [id, link] : env_.links.all()) {
    const bool is_counted = !link.connection->is_outbound() && !link.connection->is_introduced() &&
                            (is_newcomer_known || !is_known(link.address.address));
    if (is_counted) {
      by_source[source_of(link.address.address)].push_back(id);
      ++under_way;
    }
  }
  const std::size_t places = is_newcomer_known ? places_ : places_ - places_ / 4;
  const auto own = by_source.find(source_of(newcomer));
  if (own != by_source.end() && own->second.size() >= places_ / 8) {
    crowd_out(own->second.front());
  } else if (under_way >= places) {
    const auto largest = std::ranges::max_element(
        by_source, {}, [](const auto& entry) { return entry.second.size(); });
    crowd_out(largest->second.front());
  }
}

void Acceptor::crowd_out(Connection::Id id) {
  env_.links.find(id)->connection->drop(
      DropReason::crowded_out,
      Error{make_error_code(Errc::pool_exhausted),
            fmt::format("wait for an introduction: 'introduction-limit' is {}", places_)});
}

}  // namespace weft::gossip
