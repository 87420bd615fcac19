#pragma once
/// Golden octets of Weave Net, from tests/interop/vectors: "name: X", "hex:", indented lines.

#include <fstream>
#include <stdexcept>
#include <string>

#include <weft/bytes.hpp>
#include <weft/testing/hex.hpp>

namespace weft::testing {

/// The vector called `name` in `file` ("topology.txt"). Throws when it is not there.
inline Bytes golden(const std::string& file, const std::string& name) {
  std::ifstream input(std::string(WEFT_SOURCE_DIR) + "/tests/interop/vectors/" + file);
  std::string line;
  std::string hex;
  bool is_wanted = false;
  bool is_hex = false;
  while (std::getline(input, line)) {
    if (line.rfind("name: ", 0) == 0) {
      is_wanted = line.substr(6) == name;
      is_hex = false;
    } else if (is_wanted && line == "hex:") {
      is_hex = true;
    } else if (is_hex && line.rfind("  ", 0) == 0) {
      hex += line;
    } else if (is_hex) {
      break;
    }
  }
  if (hex.empty()) {
    throw std::runtime_error("no vector '" + name + "' in " + file);
  }
  return from_hex(hex);
}

}  // namespace weft::testing
