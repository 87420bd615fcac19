/// Ethernet addresses as text.

#include <weft/net/mac.hpp>

#include <fmt/core.h>

#include "net/hex.hpp"

namespace weft::net {

std::string to_string(const Mac& mac) {
  return hex_groups(mac.value());
}

Result<Mac> parse_mac(std::string_view text) {
  const auto bad = [text] {
    return fail(Errc::invalid, fmt::format("read MAC address '{}': want aa:bb:cc:dd:ee:ff", text));
  };
  if (text.size() != 17) {
    return bad();
  }
  Mac mac;
  for (std::size_t i = 0; i < mac.octets.size(); ++i) {
    const auto group = hex_value(text.substr(i * 3, 2));
    if (!group || (i > 0 && text[i * 3 - 1] != ':')) {
      return bad();
    }
    mac.octets[i] = static_cast<std::byte>(*group);
  }
  return mac;
}

}  // namespace weft::net
