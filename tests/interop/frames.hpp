#pragma once
/// For tests only: golden octets of dp-sleeve.txt, and frames to tunnel.

#include <fstream>
#include <stdexcept>
#include <string>

#include <weft/bytes.hpp>

#include "interop/vectors.hpp"

namespace weft::frames {

/// The octets after "`key`=" in the section "## `section`".
inline Bytes golden(const std::string& section, const std::string& key = "hex") {
  std::ifstream input(std::string(WEFT_SOURCE_DIR) + "/tests/interop/vectors/dp-sleeve.txt");
  std::string line;
  bool is_wanted = false;
  while (std::getline(input, line)) {
    if (line.rfind("## ", 0) == 0) {
      is_wanted = line.substr(3) == section;
    } else if (is_wanted && line.rfind(key + "=", 0) == 0) {
      return weft::testing::from_hex(line.substr(key.size() + 1));
    }
  }
  throw std::runtime_error("no vector '" + section + "'");
}

/// The frame of the ICMP and fragment vectors, grown to `ip_bytes`: payload 00 01 02 ...
inline Bytes ipv4_frame(std::size_t ip_bytes, bool dont_fragment) {
  Bytes frame = weft::testing::from_hex(
      "d68d31c495850a75b7d03158080045000000123400004011"
      "0000"
      "0a2000040a280001");
  frame.resize(14 + ip_bytes);
  for (std::size_t i = 34; i < frame.size(); ++i) {
    frame[i] = static_cast<std::byte>(i - 34);
  }
  store_be(frame.data() + 16, static_cast<std::uint16_t>(ip_bytes));
  store_be(frame.data() + 20, static_cast<std::uint16_t>(dont_fragment ? 0x4000 : 0));
  std::uint32_t sum = 0;
  for (std::size_t i = 14; i < 34; i += 2) {
    sum += load_be<std::uint16_t>(frame.data() + i);
  }
  sum = (sum & 0xFFFFU) + (sum >> 16U);
  store_be(frame.data() + 24, static_cast<std::uint16_t>(~(sum + (sum >> 16U))));
  return frame;
}

}  // namespace weft::frames
