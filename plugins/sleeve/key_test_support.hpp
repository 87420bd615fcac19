#pragma once
/// For tests only: the connection of weft-sleeve-keys.txt, and private keys that are not random.

#include <algorithm>
#include <functional>
#include <string>

#include "key_exchange.hpp"
#include "test_support.hpp"

namespace weft::sleeve::testing {

inline Bytes key_vector(const std::string& name) {
  return weft::testing::golden("weft-sleeve-keys.txt", name);
}

inline constexpr KeyContext golden_context{peer_a, peer_b, 0x0123456789abcdef};

/// `first`, `first` + 1, ...
inline Secret counting_from(unsigned first) {
  Secret secret;
  for (std::byte& octet : secret.octets) {
    octet = static_cast<std::byte>(first++);
  }
  return secret;
}

/// Gives `first`, then `first` + 0x40, and so on.
inline std::function<void(std::span<std::byte>)> counting_random(unsigned first) {
  return [next = first](std::span<std::byte> out) mutable {
    std::ranges::copy(counting_from(next).octets, out.begin());
    next += 0x40;
  };
}

}  // namespace weft::sleeve::testing
