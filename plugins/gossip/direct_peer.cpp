/// Reads the text of a direct peer.

#include "gossip/direct_peer.hpp"

#include <algorithm>
#include <charconv>
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

}  // namespace

Result<DirectPeer> parse_direct_peer(std::string_view text) {
  const auto refuse = [text] {
    return fail(
        Errc::invalid,
        fmt::format("use peer '{}': it should be host or host:port, with a port from 1 to 65535",
                    text));
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
    peer.addresses = {*literal};
  } else if (peer.host.find(':') == std::string::npos) {
    peer.is_name = true;
  } else {
    return refuse();
  }
  return peer;
}

}  // namespace weft::gossip
