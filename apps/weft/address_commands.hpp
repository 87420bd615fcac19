#pragma once
/// Commands about addresses: each prints its result or one line of error and returns the exit code.

#include <string>
#include <vector>

#include "commands.hpp"

namespace weft::cli {

/// Gives the bridge addresses: each of `places` is "10.32.0.9/12", "10.32.0.9", "net:SUBNET" or
/// "net:default"; without any the last. Prints the addresses.
[[nodiscard]] int expose(const Options& options, std::vector<std::string> places,
                         bool without_masquerade);
/// Takes addresses off the bridge; without any all that were exposed. Prints them.
[[nodiscard]] int hide(const Options& options, const std::vector<std::string>& addresses);

/// Who holds which of this node's addresses, one holder a line.
[[nodiscard]] int list_holders(const Options& options);
/// Frees all that `owner` holds, or only `address` unless that is empty, and prints what was freed.
[[nodiscard]] int release(const Options& options, const std::string& owner,
                          const std::string& address);
/// Makes the ranges of each peer ours, whose names or nicknames these are, and prints how many
/// addresses those are.
[[nodiscard]] int take_over(const Options& options, const std::vector<std::string>& peers);
/// Waits until the address range is divided.
[[nodiscard]] int prime(const Options& options);

}  // namespace weft::cli
