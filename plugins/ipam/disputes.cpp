/// Remembers losses, and forgets those that their losers agree to.

#include "disputes.hpp"

#include <algorithm>

namespace weft::ipam {

bool Disputes::returned(AddressRange range, PeerName to) {
  const auto first = std::ranges::find_if(
      losses_, [range](const Loss& loss) { return loss.range.overlaps(range); });
  const bool is_over = first != losses_.end() && first->from == to;
  settle(range, is_over ? std::nullopt : std::optional(to));
  return is_over;
}

void Disputes::moved(AddressRange range, PeerName from, PeerName to, TimePoint now) {
  if (returned(range, to)) {
    return;
  }
  for (Loss& loss : losses_) {
    if (loss.from == from && loss.range.start <= range.end && range.start <= loss.range.end) {
      loss = {{std::min(loss.range.start, range.start), std::max(loss.range.end, range.end)},
              from,
              now};
      return;
    }
  }
  losses_.push_back({range, from, now});
  if (losses_.size() > most) {
    coarsen();
  }
}

/// Everybody's loss of the range, or that of one peer.
void Disputes::settle(AddressRange range, std::optional<PeerName> of) {
  std::vector<Loss> left;
  for (const Loss& loss : losses_) {
    if (of && loss.from != *of) {
      left.push_back(loss);
      continue;
    }
    const AddressRange before{loss.range.start, std::min(loss.range.end, range.start)};
    const AddressRange behind{std::max(loss.range.start, range.end), loss.range.end};
    for (const AddressRange part : {before, behind}) {
      if (!part.is_empty()) {
        left.push_back({part, loss.from, loss.last});
      }
    }
  }
  losses_ = std::move(left);
}

/// One range for each peer: too wide only makes somebody wait. Of more peers than may be
/// remembered the quietest are forgotten.
void Disputes::coarsen() {
  std::vector<Loss> hulls;
  for (const Loss& loss : losses_) {
    const auto hull = std::ranges::find(hulls, loss.from, &Loss::from);
    if (hull == hulls.end()) {
      hulls.push_back(loss);
    } else {
      hull->range = {std::min(hull->range.start, loss.range.start),
                     std::max(hull->range.end, loss.range.end)};
      hull->last = std::max(hull->last, loss.last);
    }
  }
  if (hulls.size() > most) {
    hulls.erase(std::ranges::min_element(hulls, {}, &Loss::last));
  }
  losses_ = std::move(hulls);
}

void Disputes::told(PeerName peer, const AddressSet& claimed, Word word, TimePoint now) {
  std::erase_if(losses_, [&](Loss& loss) {
    if (loss.from != peer) {
      return false;
    }
    if (claimed.count_in(loss.range) > 0) {
      loss.last = now;
      return false;
    }
    return word == Word::own || (word == Word::relayed && now - loss.last >= quarantine);
  });
}

void Disputes::expire(TimePoint now) {
  std::erase_if(losses_, [now](const Loss& loss) { return now - loss.last >= disputed_for; });
}

bool Disputes::involves(PeerName peer) const noexcept {
  return std::ranges::find(losses_, peer, &Loss::from) != losses_.end();
}

std::vector<PeerName> Disputes::claimants(AddressRange range) const {
  std::vector<PeerName> found;
  for (const Loss& loss : losses_) {
    if (loss.range.overlaps(range) && std::ranges::find(found, loss.from) == found.end()) {
      found.push_back(loss.from);
    }
  }
  return found;
}

}  // namespace weft::ipam
