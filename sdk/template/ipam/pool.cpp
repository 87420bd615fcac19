/// Gives out the lowest free address.

#include "pool.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace my_plugin {

weft::net::Cidr Pool::at(std::uint32_t address) const {
  return {weft::net::IpAddress::v4(address), range_.prefix_length};
}

weft::Result<weft::AllocatedAddress> Pool::allocate(const std::string& owner) {
  for (const auto& [address, holder] : owners_) {
    if (holder == owner) {
      return weft::AllocatedAddress{at(address), true};
    }
  }
  const std::uint32_t first = range_.network().address.v4_value();
  const std::uint32_t last = first + (std::uint32_t{1} << (32U - range_.prefix_length)) - 1;
  for (std::uint32_t address = first + 1; address < last; ++address) {
    if (owners_.try_emplace(address, owner).second) {
      return weft::AllocatedAddress{at(address), false};
    }
  }
  return weft::fail(weft::Errc::pool_exhausted,
                    fmt::format("give '{}' an address of {}", owner, weft::net::to_string(range_)));
}

weft::Result<> Pool::claim(const std::string& owner, const weft::net::Cidr& address) {
  if (!address.address.is_v4() || !range_.contains(address.address)) {
    return weft::fail(weft::Errc::invalid,
                      fmt::format("claim {}: it is not in {}", weft::net::to_string(address),
                                  weft::net::to_string(range_)));
  }
  const auto [at, is_new] = owners_.try_emplace(address.address.v4_value(), owner);
  if (!is_new && at->second != owner) {
    return weft::fail(weft::Errc::conflict, fmt::format("claim {}: '{}' holds it",
                                                        weft::net::to_string(address), at->second));
  }
  return {};
}

void Pool::release(const std::string& owner) {
  std::erase_if(owners_, [&](const auto& held) { return held.second == owner; });
}

void Pool::release(const std::string& owner, const std::vector<weft::net::IpAddress>& addresses) {
  for (const weft::net::IpAddress& address : addresses) {
    const auto held = owners_.find(address.v4_value());
    if (address.is_v4() && held != owners_.end() && held->second == owner) {
      owners_.erase(held);
    }
  }
}

std::vector<weft::net::Cidr> Pool::lookup(const std::string& owner) const {
  std::vector<weft::net::Cidr> held;
  for (const auto& [address, holder] : owners_) {
    if (holder == owner) {
      held.push_back(at(address));
    }
  }
  return held;
}

std::string Pool::save() const {
  std::string text;
  for (const auto& [address, owner] : owners_) {
    text += fmt::format("{} {}\n", weft::net::to_string(weft::net::IpAddress::v4(address)), owner);
  }
  return text;
}

weft::Result<> Pool::load(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t space = line.find(' ');
    const auto address = weft::net::parse_ip(line.substr(0, space));
    if (space == std::string_view::npos || !address || !address->is_v4()) {
      return weft::fail(weft::Errc::malformed, fmt::format("read the saved line '{}'", line));
    }
    owners_[address->v4_value()] = line.substr(space + 1);
  }
  return {};
}

}  // namespace my_plugin
