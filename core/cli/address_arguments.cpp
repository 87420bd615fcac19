/// Reads the arguments of the commands about addresses.

#include "cli/address_arguments.hpp"

#include <CLI/CLI.hpp>

#include "cli/address_commands.hpp"

namespace weft::cli {

void add_address_commands(CLI::App& app, const Options& options, std::function<int()>& chosen,
                          AddressArguments& arguments) {
  auto* const exposing =
      app.add_subcommand("expose", "Give this node an address among the pods, and print it");
  exposing->add_option("address", arguments.addresses,
                       "ADDRESS, ADDRESS/LENGTH, net:SUBNET or net:default; else the last");
  exposing->add_flag("--without-masquerade", arguments.without_masquerade,
                     "Let the world see pods' own addresses");
  exposing->callback([&] {
    chosen = [&] { return expose(options, arguments.addresses, arguments.without_masquerade); };
  });

  auto* const hiding =
      app.add_subcommand("hide", "Take this node's addresses among the pods away, and print them");
  hiding->add_option("address", arguments.addresses, "Only this ADDRESS");
  hiding->callback([&] { chosen = [&] { return hide(options, arguments.addresses); }; });
}

}  // namespace weft::cli
