/// Reads the text of a direct peer.

#include "gossip/direct_peer.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <optional>

#include <fmt/core.h>

namespace weft::gossip {
namespace {

struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

/// "host", "host:port", "[v6]", "[v6]:port", or a bare IPv6 address with its several colons.
std::optional<HostAndPort> split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) {
      return HostAndPort{host, std::nullopt};
    }
    return rest.front() == ':' ? std::optional(HostAndPort{host, rest.substr(1)}) : std::nullopt;
  }
  if (std::count(text.begin(), text.end(), ':') != 1) {
    return HostAndPort{text, std::nullopt};
  }
  const std::size_t colon = text.find(':');
  return HostAndPort{text.substr(0, colon), text.substr(colon + 1)};
}

/// Source: RFC 1123, section 2.1; underscores are common among containers.
bool is_label(std::string_view label) {
  constexpr std::size_t longest = 63;
  return !label.empty() && label.size() <= longest && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(
             label, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

/// What keeps `name` from being a host's; null: nothing.
const char* fault_of_name(std::string_view name) {
  constexpr std::size_t longest = 253;
  name.remove_suffix(name.ends_with('.') ? 1 : 0);
  if (name.size() > longest) {
    return "a name has at most 253 characters";
  }
  std::string_view label = name;
  for (std::string_view rest = name;;) {
    const std::size_t end = std::min(rest.find('.'), rest.size());
    label = rest.substr(0, end);
    if (!is_label(label)) {
      return "the parts of a name, between dots, are 1 to 63 letters, digits, '-' and '_'";
    }
    if (end == rest.size()) {
      break;
    }
    rest.remove_prefix(end + 1);
  }
  return label.find_first_not_of("0123456789") == std::string_view::npos
             ? "an IPv4 address has four numbers of at most 255, and no name ends in a number"
             : nullptr;
}

/// Why nobody can be reached at an address; null: somebody may be.
const char* fault_of_address(const net::IpAddress& address) {
  if (address.is_unspecified()) {
    return "it is no host's address";
  }
  const unsigned lowest_of_many = address.is_v4() ? 224 : 255;
  return std::to_integer<unsigned>(address.octets.front()) >= lowest_of_many
             ? "it is no single host's address"
             : nullptr;
}

}  // namespace

Result<DirectPeer> parse_direct_peer(std::string_view text) {
  const auto refuse = [text](const char* why =
                                 "it should be host or host:port, with a port from "
                                 "1 to 65535") {
    return fail(Errc::invalid, fmt::format("use peer '{}': {}", text, why));
  };
  const auto parts = split(text);
  if (!parts || parts->host.empty() ||
      parts->host.find_first_of(" /\t\n[]") != std::string_view::npos) {
    return refuse();
  }
  DirectPeer peer;
  peer.text = text;
  peer.host = parts->host;
  if (parts->port) {
    const char* const end = parts->port->data() + parts->port->size();
    const auto [stop, error] = std::from_chars(parts->port->data(), end, peer.port);
    if (error != std::errc{} || stop != end || peer.port == 0) {
      return refuse();
    }
  }
  if (const auto literal = net::parse_ip(peer.host)) {
    if (const char* const fault = fault_of_address(*literal)) {
      return refuse(fault);
    }
    peer.addresses = {*literal};
  } else if (peer.host.find(':') == std::string::npos) {
    if (const char* const fault = fault_of_name(peer.host)) {
      return refuse(fault);
    }
    peer.is_name = true;
  } else {
    return refuse();
  }
  return peer;
}

}  // namespace weft::gossip
