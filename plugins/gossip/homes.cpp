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

std::string Homes::save(TimePoint now, WallTime wall_now) const {
  std::string saved;
  for (const auto& [name, home] : homes_) {
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
      homes_.try_emplace(*name, Home{*address, std::string(line), now - age, now + kept_for});
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
