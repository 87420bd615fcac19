/// Chooses whom to ask.

#include "space_seeker.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace weft::ipam {
namespace {

/// A donor saves before it answers; later than this nobody answers a request.
constexpr Duration asked_for = std::chrono::seconds{10};
/// Requests that are remembered.
constexpr std::size_t most_asked = 1'024;

}  // namespace

// Source: weaveworks/weave ipam/ring/ring.go, ChoosePeersToAskForSpace.
void SpaceSeeker::ask(AddressRange wanted) {
  if (std::ranges::find(this_round_, wanted) != this_round_.end()) {
    return;
  }
  this_round_.push_back(wanted);
  std::vector<std::pair<double, PeerName>> weighted;
  for (const Ring::Candidate& candidate : ring_.candidates(wanted)) {
    weighted.emplace_back(static_cast<double>(candidate.free) * surroundings_.random_unit(),
                          candidate.peer);
  }
  std::ranges::sort(weighted);
  std::vector<PeerName> candidates;
  for (const auto& [weight, peer] : weighted) {
    candidates.push_back(peer);
  }
  ask_one_of(std::move(candidates), wanted);
}

void SpaceSeeker::ask_one_of(std::vector<PeerName> candidates, AddressRange wanted) {
  if (candidates.empty()) {
    return;
  }
  const PeerName heaviest = candidates.back();
  candidates.pop_back();
  surroundings_.unicast(
      heaviest, encode_range_message(MessageKind::space_request, wanted),
      [this, heaviest, rest = std::move(candidates), wanted](const Result<>& sent) mutable {
        sent ? note(heaviest, wanted) : ask_one_of(std::move(rest), wanted);
      });
}

void SpaceSeeker::ask_owner(Address wanted, PeerName owner, Answer<> unreachable) {
  const AddressRange range = single(wanted);
  surroundings_.unicast(
      owner, encode_range_message(MessageKind::space_request, range),
      [this, owner, range, unreachable = std::move(unreachable)](const Result<>& sent) mutable {
        sent ? note(owner, range) : unreachable(sent);
      });
}

void SpaceSeeker::note(PeerName peer, AddressRange wanted) {
  const TimePoint now = surroundings_.now();
  std::erase_if(asked_, [&](const Asked& asked) {
    return now - asked.last >= asked_for || (asked.peer == peer && asked.wanted == wanted);
  });
  if (asked_.size() == most_asked) {
    asked_.erase(asked_.begin());
  }
  asked_.push_back({peer, wanted, now});
}

bool SpaceSeeker::is_asked(PeerName peer, AddressRange range) const {
  const TimePoint now = surroundings_.now();
  return std::ranges::any_of(asked_, [&](const Asked& asked) {
    return asked.peer == peer && now - asked.last < asked_for &&
           intersection(asked.wanted, range) == range;
  });
}

void SpaceSeeker::answered(PeerName peer, AddressRange range) {
  const auto found = std::ranges::find_if(asked_, [&](const Asked& asked) {
    return asked.peer == peer && intersection(asked.wanted, range) == range;
  });
  if (found != asked_.end()) {
    asked_.erase(found);
  }
}

}  // namespace weft::ipam
