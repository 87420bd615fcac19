/// Peer names as text. Source: weaveworks/mesh peer_name_mac.go, PeerNameFromUserInput.

#include <weft/net/peer_name.hpp>

#include <array>

#include "net/hex.hpp"

namespace weft {
namespace {

/// The octets of "a:b:c", at most six; nothing for a bad group.
struct Groups {
  std::array<std::uint8_t, 6> octets{};
  std::size_t count = 0;
};

std::optional<Groups> parse_groups(std::string_view text) {
  Groups groups;
  while (true) {
    const std::size_t colon = text.find(':');
    const auto value = net::hex_value(text.substr(0, colon));
    if (!value || groups.count == groups.octets.size()) {
      return std::nullopt;
    }
    groups.octets[groups.count++] = *value;
    if (colon == std::string_view::npos) {
      return groups;
    }
    text.remove_prefix(colon + 1);
  }
}

/// Fills from the left with `left` and from the right with `right`.
PeerName join(const Groups& left, const Groups& right) {
  std::array<std::uint8_t, 6> octets{};
  for (std::size_t i = 0; i < left.count; ++i) {
    octets[i] = left.octets[i];
  }
  for (std::size_t i = 0; i < right.count; ++i) {
    octets[octets.size() - right.count + i] = right.octets[i];
  }
  std::uint64_t value = 0;
  for (const std::uint8_t octet : octets) {
    value = value << 8U | octet;
  }
  return PeerName{value};
}

}  // namespace

std::string to_string(PeerName name) {
  return net::hex_groups(static_cast<std::uint64_t>(name));
}

Result<PeerName> parse_peer_name(std::string_view text) {
  const auto bad = [text] {
    return fail(
        Errc::invalid,
        fmt::format("read peer name '{:.40}': want six hex octets, like 02:00:00:00:00:01", text));
  };
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto groups = parse_groups(text);
    return groups && groups->count == 6 ? Result<PeerName>(join(*groups, {})) : bad();
  }
  const std::string_view before = text.substr(0, gap);
  const std::string_view after = text.substr(gap + 2);
  const auto left = before.empty() ? Groups{} : parse_groups(before);
  const auto right = after.empty() ? Groups{} : parse_groups(after);
  if (!left || !right || left->count + right->count == 0 || left->count + right->count > 4) {
    return bad();
  }
  return join(*left, *right);
}

}  // namespace weft
