#pragma once
/// For tests only: addresses, commands and network namespaces.

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include <weft/net/ip.hpp>

namespace weft::ipsec::testing {

inline net::IpAddress address(std::string_view text) {
  return net::parse_ip(text).value();
}

/// What a command prints in the calling thread's namespace, with its errors.
inline std::string run(const std::string& command) {
  std::string output;
  std::FILE* const pipe = popen(("(" + command + ") 2>&1").c_str(), "re");
  if (pipe == nullptr) {
    return "cannot run " + command;
  }
  std::array<char, 4096> chunk{};
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
    output.append(chunk.data(), got);
  }
  pclose(pipe);
  return output;
}

}  // namespace weft::ipsec::testing
