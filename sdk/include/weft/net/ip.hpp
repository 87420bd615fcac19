#pragma once
/// IP addresses, prefixes and endpoints of either family, as values: parse, format, compare.
/// No I/O and no name resolution here.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <weft/bytes.hpp>
#include <weft/result.hpp>

struct sockaddr;
struct sockaddr_storage;

namespace weft::net {

enum class Family : std::uint8_t { v4 = 4, v6 = 6 };

/// An IPv4 or IPv6 address. IPv4 uses the first four octets; the rest are zero.
struct IpAddress {
  Family family = Family::v4;
  std::array<std::byte, 16> octets{};

  auto operator<=>(const IpAddress&) const = default;

  /// IPv4 from its integer value in host order: 0x0A200001 is 10.32.0.1.
  [[nodiscard]] static IpAddress v4(std::uint32_t value) noexcept {
    IpAddress address;
    store_be(address.octets.data(), value);
    return address;
  }

  [[nodiscard]] bool is_v4() const noexcept { return family == Family::v4; }

  /// The integer value of an IPv4 address in host order; meaningless for IPv6.
  [[nodiscard]] std::uint32_t v4_value() const noexcept {
    return load_be<std::uint32_t>(octets.data());
  }

  [[nodiscard]] bool is_unspecified() const noexcept {
    return octets == std::array<std::byte, 16>{};
  }

  /// The address's octets in network order: 4 or 16 of them.
  [[nodiscard]] ByteView bytes() const noexcept {
    return {octets.data(), is_v4() ? std::size_t{4} : std::size_t{16}};
  }

  /// Bits in an address of this family: 32 or 128.
  [[nodiscard]] unsigned width() const noexcept { return is_v4() ? 32U : 128U; }
};

[[nodiscard]] WEFT_EXPORT std::string to_string(const IpAddress& address);

/// "10.32.0.1" or "fd00::1". An IPv4-mapped IPv6 address becomes IPv4. Errors: Errc::invalid.
[[nodiscard]] WEFT_EXPORT Result<IpAddress> parse_ip(std::string_view text);

/// An address with a prefix length. Host bits may be set: "10.32.0.5/12" is an interface address.
struct Cidr {
  IpAddress address;
  std::uint8_t prefix_length = 0;  ///< bits, at most address.width()

  auto operator<=>(const Cidr&) const = default;

  /// The same prefix with host bits cleared.
  [[nodiscard]] WEFT_EXPORT Cidr network() const noexcept;
  [[nodiscard]] WEFT_EXPORT bool contains(const IpAddress& other) const noexcept;
  [[nodiscard]] WEFT_EXPORT bool overlaps(const Cidr& other) const noexcept;
};

[[nodiscard]] WEFT_EXPORT std::string to_string(const Cidr& cidr);

/// "10.32.0.0/12". The prefix length is required. Errors: Errc::invalid.
[[nodiscard]] WEFT_EXPORT Result<Cidr> parse_cidr(std::string_view text);

/// Where a socket is: address and port.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;
};

/// "10.0.0.1:6783", "[fd00::1]:6783".
[[nodiscard]] WEFT_EXPORT std::string to_string(const Endpoint& endpoint);

/// As printed by to_string; the port is required. Errors: Errc::invalid.
[[nodiscard]] WEFT_EXPORT Result<Endpoint> parse_endpoint(std::string_view text);

/// Fills `storage` and returns the length to pass to the kernel.
WEFT_EXPORT std::uint32_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& storage) noexcept;

/// From AF_INET or AF_INET6; an IPv4-mapped address becomes IPv4. Other families give 0.0.0.0:0.
[[nodiscard]] WEFT_EXPORT Endpoint from_sockaddr(const sockaddr& address) noexcept;

}  // namespace weft::net
