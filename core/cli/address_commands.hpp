#pragma once
/// Commands about addresses: each prints its result or one line of error and returns the exit code.

#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace weft::cli {

/// Gives the bridge addresses: each of `places` is "10.32.0.9/12", "10.32.0.9", "net:SUBNET" or
/// "net:default"; without any the last. Prints the addresses.
[[nodiscard]] int expose(const Options& options, std::vector<std::string> places,
                         bool without_masquerade);
/// Takes addresses off the bridge; without any all that were exposed. Prints them.
[[nodiscard]] int hide(const Options& options, const std::vector<std::string>& addresses);

}  // namespace weft::cli
