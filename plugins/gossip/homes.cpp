/// The first address of each name.

#include "gossip/homes.hpp"

#include <utility>

namespace weft::gossip {

void Homes::settle(PeerName name, const net::IpAddress& address, std::string nickname,
                   TimePoint now) {
  const auto at = homes_.find(name);
  if (at == homes_.end()) {
    if (homes_.size() >= max_entries) {
      std::erase_if(homes_,
                    [now](const auto& item) { return now - item.second.last >= forgotten_after; });
    }
    if (homes_.size() < max_entries) {
      homes_.emplace(name, Home{address, std::move(nickname), now, {}});
    }
  } else if (at->second.address == address || now - at->second.last >= forgotten_after) {
    at->second = {address, std::move(nickname), now, {}};
  }
}

void Homes::left(PeerName name, const net::IpAddress& address, TimePoint now) {
  const auto at = homes_.find(name);
  if (at != homes_.end() && at->second.address == address) {
    at->second.last = now;
  }
}

bool Homes::claim_back(PeerName name, const net::IpAddress& newcomer, const net::IpAddress& holder,
                       TimePoint now) {
  const auto at = homes_.find(name);
  if (at == homes_.end() || at->second.address != newcomer || at->second.address == holder ||
      now - at->second.last >= forgotten_after) {
    return false;
  }
  at->second.kept_until = now + kept_for;
  return true;
}

const Homes::Home* Homes::kept_from(PeerName name, const net::IpAddress& address,
                                    TimePoint now) const {
  const auto at = homes_.find(name);
  const bool is_kept =
      at != homes_.end() && at->second.address != address && now < at->second.kept_until;
  return is_kept ? &at->second : nullptr;
}

}  // namespace weft::gossip
