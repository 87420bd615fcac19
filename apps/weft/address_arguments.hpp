#pragma once
/// The arguments of the commands about addresses.

#include <functional>
#include <string>
#include <vector>

#include "commands.hpp"

namespace CLI {
class App;
}

namespace weft::cli {

/// What they may set. Outlives the parsing.
struct AddressArguments {
  std::vector<std::string> addresses;
  bool without_masquerade = false;
  std::string owner;
  std::string address;
  std::vector<std::string> peers;
};

/// Adds them to `app`; the one that is given becomes `chosen`.
void add_address_commands(CLI::App& app, Options& options, std::function<int()>& chosen,
                          AddressArguments& arguments);

}  // namespace weft::cli
