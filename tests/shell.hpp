#pragma once
/// For tests only: what commands print.

#include <array>
#include <cstdio>
#include <regex>
#include <string>

namespace weft::testing {

/// What a command prints in the calling thread's namespaces, with its errors.
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

/// What nft lists, whatever passed until now.
inline std::string without_counts(const std::string& listing) {
  return std::regex_replace(listing, std::regex("counter packets [0-9]+ bytes [0-9]+"), "counter");
}

}  // namespace weft::testing
