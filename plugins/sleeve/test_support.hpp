#pragma once
/// For tests only: names and keys of dp-sleeve.txt, and records as they travel.

#include <weft/bytes.hpp>
#include <weft/service/overlay.hpp>

#include "interop/frames.hpp"

namespace weft::sleeve::testing {

using weft::frames::golden;
using weft::frames::ipv4_frame;

// Source: dp-sleeve.txt, first lines.
inline constexpr PeerName peer_a{0x7a0102030405};
inline constexpr PeerName peer_b{0x7a0a0b0c0d0e};
inline constexpr PeerName peer_c{0x7affeeddccbb};

/// 00 01 02 .. 1f.
inline SessionKey golden_key() {
  SessionKey key;
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::byte>(i);
  }
  return key;
}

inline Bytes concat(std::initializer_list<Bytes> parts) {
  Bytes whole;
  for (const Bytes& part : parts) {
    whole.insert(whole.end(), part.begin(), part.end());
  }
  return whole;
}

/// A record as it travels.
inline Bytes record(PeerName source, PeerName destination, const Bytes& frame) {
  Bytes header(14);
  store_peer_name(header.data(), source);
  store_peer_name(header.data() + 6, destination);
  store_be(header.data() + 12, static_cast<std::uint16_t>(frame.size()));
  return concat({header, frame});
}

}  // namespace weft::sleeve::testing
