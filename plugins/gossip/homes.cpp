/// The first address of each name.

#include "gossip/homes.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

#include <fmt/core.h>

namespace weft::gossip {
namespace {

constexpr std::int64_t max_seconds = 1LL << 33U;  // far beyond any clock, far from overflow

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

bool Homes::make_room(TimePoint now) {
  if (homes_.size() >= max_entries) {
    std::erase_if(homes_, [now](const auto& item) { return is_forgotten(item.second, now); });
  }
  return homes_.size() < max_entries;
}

void Homes::meet(PeerName name, const net::IpAddress& address, std::string nickname,
                 TimePoint now) {
  const auto at = homes_.find(name);
  if (at != homes_.end() && is_forgotten(at->second, now)) {
    at->second = {address, std::move(nickname), now, {}, false};
  } else if (at == homes_.end() && make_room(now)) {
    homes_.emplace(name, Home{address, std::move(nickname), now, {}, false});
  }
}

void Homes::settle(PeerName name, const net::IpAddress& address, std::string nickname,
                   TimePoint now) {
  const auto at = homes_.find(name);
  if (at == homes_.end()) {
    if (!make_room(now)) {
      const auto glimpsed =
          std::ranges::find_if(homes_, [](const auto& item) { return !item.second.is_settled; });
      if (glimpsed == homes_.end()) {
        return;
      }
      homes_.erase(glimpsed);
    }
    homes_.emplace(name, Home{address, std::move(nickname), now, {}, true});
  } else if (at->second.is_settled && at->second.address == address) {
    at->second.nickname = std::move(nickname);
    at->second.last = now;
  } else if (!at->second.is_settled || is_forgotten(at->second, now)) {
    at->second = {address, std::move(nickname), now, {}, true};
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
      is_forgotten(at->second, now)) {
    return false;
  }
  at->second.kept_until = now + kept_for;
  return true;
}

void Homes::contest(PeerName name, const net::IpAddress& newcomer, const net::IpAddress& holder,
                    TimePoint now) {
  const auto at = homes_.find(name);
  if (at == homes_.end() || !at->second.is_settled || at->second.address != holder ||
      newcomer == holder) {
    return;
  }
  Home& home = at->second;
  if (now - home.contested_last >= kept_from_copies) {
    home.contested_since.reset();
  }
  home.contested_since = home.contested_since.value_or(now);
  home.contested_last = now;
  if (now - *home.contested_since >= contested_after) {
    home.kept_until = std::max(home.kept_until, now + kept_from_copies);
  }
}

std::string Homes::save(TimePoint now, WallTime wall_now) const {
  std::string saved;
  for (const auto& [name, home] : homes_) {
    if (!home.is_settled) {
      continue;
    }
    const WallTime last =
        wall_now - std::chrono::duration_cast<WallTime::duration>(now - home.last);
    saved += fmt::format(
        "{} {} {} {}\n", to_string(name), to_string(home.address),
        std::chrono::duration_cast<std::chrono::seconds>(last.time_since_epoch()).count(),
        is_one_line(home.nickname) ? home.nickname : "");
  }
  return saved;
}

void Homes::load(std::string_view saved, TimePoint now, WallTime wall_now) {
  const auto word = [](std::string_view& text, char end) {
    const std::string_view found = text.substr(0, text.find(end));
    text.remove_prefix(std::min(found.size() + 1, text.size()));
    return found;
  };
  while (!saved.empty() && homes_.size() < max_entries) {
    std::string_view line = word(saved, '\n');
    const auto name = parse_peer_name(word(line, ' '));
    const auto address = net::parse_ip(word(line, ' '));
    std::int64_t seconds = 0;
    const std::string_view digits = word(line, ' ');
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    const auto age = std::max<Duration>(
        std::chrono::duration_cast<Duration>(wall_now.time_since_epoch()) -
            std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, max_seconds)},
        Duration::zero());
    if (name && address && read.ec == std::errc{} && age < forgotten_after) {
      if (Home& home = homes_[*name]; !home.is_settled) {
        home = {*address, std::string(line), now - age, now + kept_for, true};
      }
    }
  }
}

const Homes::Home* Homes::kept_from(PeerName name, const net::IpAddress& address,
                                    TimePoint now) const {
  const auto at = homes_.find(name);
  const bool is_kept =
      at != homes_.end() && at->second.address != address && now < at->second.kept_until;
  return is_kept ? &at->second : nullptr;
}

}  // namespace weft::gossip
