/// IP addresses, prefixes and endpoints as text and as socket addresses.

#include <weft/net/ip.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/core.h>

namespace weft::net {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

IpAddress from_v6_octets(const std::uint8_t* octets) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  IpAddress address;
  if (std::equal(mapped.begin(), mapped.end(), octets)) {
    std::memcpy(address.octets.data(), octets + mapped.size(), 4);
  } else {
    address.family = Family::v6;
    std::memcpy(address.octets.data(), octets, 16);
  }
  return address;
}

}  // namespace

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.octets.data(), text.data(), text.size());
  return text.data();
}

Result<IpAddress> parse_ip(std::string_view text) {
  const std::string terminated(text.substr(0, text.find('\0')));
  std::array<std::uint8_t, 16> octets{};
  if (terminated.size() == text.size() &&
      inet_pton(AF_INET, terminated.c_str(), octets.data()) == 1) {
    IpAddress address;
    std::memcpy(address.octets.data(), octets.data(), 4);
    return address;
  }
  if (terminated.size() == text.size() &&
      inet_pton(AF_INET6, terminated.c_str(), octets.data()) == 1) {
    return from_v6_octets(octets.data());
  }
  return fail(Errc::invalid,
              fmt::format("read IP address '{}': want one like 10.32.0.1 or fd00::1", text));
}

Cidr Cidr::network() const noexcept {
  Cidr result = *this;
  const unsigned width = address.width();
  for (unsigned bit = prefix_length; bit < width; ++bit) {
    result.address.octets[bit / 8] &= static_cast<std::byte>(~(0x80U >> bit % 8));
  }
  return result;
}

bool Cidr::contains(const IpAddress& other) const noexcept {
  return other.family == address.family &&
         Cidr{other, prefix_length}.network().address == network().address;
}

bool Cidr::overlaps(const Cidr& other) const noexcept {
  return prefix_length <= other.prefix_length ? contains(other.address) : other.contains(address);
}

std::string to_string(const Cidr& cidr) {
  return fmt::format("{}/{}", to_string(cidr.address), cidr.prefix_length);
}

Result<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto address = parse_ip(text.substr(0, slash));
    const auto length = parse_number<std::uint8_t>(text.substr(slash + 1));
    if (address && length && *length <= address->width()) {
      return Cidr{*address, *length};
    }
  }
  return fail(Errc::invalid, fmt::format("read prefix '{}': want one like 10.32.0.0/12", text));
}

std::string to_string(const Endpoint& endpoint) {
  const std::string address = to_string(endpoint.address);
  return endpoint.address.is_v4() ? fmt::format("{}:{}", address, endpoint.port)
                                  : fmt::format("[{}]:{}", address, endpoint.port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon > 0) {
    std::string_view host = text.substr(0, colon);
    const bool is_bracketed = host.front() == '[' && host.back() == ']';
    if (is_bracketed) {
      host = host.substr(1, host.size() - 2);
    }
    const auto address = parse_ip(host);
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    if (address && port && (is_bracketed || host.find(':') == std::string_view::npos)) {
      return Endpoint{*address, *port};
    }
  }
  return fail(
      Errc::invalid,
      fmt::format("read endpoint '{}': want one like 10.0.0.1:6783 or [fd00::1]:6783", text));
}

std::uint32_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& storage) noexcept {
  storage = {};
  if (endpoint.address.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, endpoint.address.octets.data(), 4);
    std::memcpy(&storage, &address, sizeof address);
    return sizeof address;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  std::memcpy(&address.sin6_addr, endpoint.address.octets.data(), 16);
  std::memcpy(&storage, &address, sizeof address);
  return sizeof address;
}

Endpoint from_sockaddr(const sockaddr& address) noexcept {
  Endpoint endpoint;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    endpoint.port = ntohs(v4.sin_port);
    std::memcpy(endpoint.address.octets.data(), &v4.sin_addr, 4);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    endpoint.port = ntohs(v6.sin6_port);
    endpoint.address = from_v6_octets(v6.sin6_addr.s6_addr);
  }
  return endpoint;
}

}  // namespace weft::net
