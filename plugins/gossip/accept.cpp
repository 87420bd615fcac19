/// Accepting connections: whose turn it is, and who makes room.

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "gossip/engine.hpp"

namespace weft::gossip {

/// Nothing here makes a peer wait for what others do: a connection is served or closed at once.
void Engine::on_accepted(std::unique_ptr<Stream> stream) {
  const net::Endpoint address = stream->remote();
  const bool is_known = is_known_address(address.address);
  if (!limiter_.admit(address.address, is_known, env_.loop.now())) {
    refused_.add();
    if (const auto left_out = log_limiter_.admit(env_.loop.now())) {
      env_.log.warn("connections refused: too many in a short time", "address", address, "count",
                    *left_out + 1);
    }
    return;
  }
  make_room(address.address, is_known);
  open(std::move(stream), address, false, true);
}

/// Whether a peer is, or is to be reached, at this address.
bool Engine::is_known_address(const net::IpAddress& address) const {
  const auto& targets = maker_.targets();
  const auto target = targets.lower_bound(net::Endpoint{address, 0});
  if (target != targets.end() && target->first.address == address) {
    return true;
  }
  return std::ranges::any_of(links_.all(), [&](const auto& entry) {
    return entry.second.is_added && entry.second.address.address == address;
  });
}

/// Ends an introduction when too many are under way: the oldest of the new one's source if that has
/// its share, else the oldest of the source that has most. A peer that answers is soon introduced;
/// one that does not is old soon. A quarter of the places is for known addresses alone.
void Engine::make_room(const net::IpAddress& newcomer, bool is_known) {
  std::map<net::IpAddress, std::vector<Connection::Id>> by_source;  // oldest first
  std::size_t under_way = 0;
  for (const auto& [id, link] : links_.all()) {
    const bool is_counted = !link.connection->is_outbound() && !link.connection->is_introduced() &&
                            (is_known || !is_known_address(link.address.address));
    if (is_counted) {
      by_source[source_of(link.address.address)].push_back(id);
      ++under_way;
    }
  }
  const std::size_t all_places = config_.introduction_limit;
  const std::size_t places = is_known ? all_places : all_places - all_places / 4;
  const auto own = by_source.find(source_of(newcomer));
  if (own != by_source.end() && own->second.size() >= all_places / 8) {
    crowd_out(own->second.front());
  } else if (under_way >= places) {
    const auto largest = std::ranges::max_element(
        by_source, {}, [](const auto& entry) { return entry.second.size(); });
    crowd_out(largest->second.front());
  }
}

void Engine::crowd_out(Connection::Id id) {
  links_.find(id)->connection->drop(
      DropReason::crowded_out,
      Error{make_error_code(Errc::pool_exhausted),
            fmt::format("wait for an introduction: 'introduction-limit' is {}",
                        config_.introduction_limit)});
}

}  // namespace weft::gossip
