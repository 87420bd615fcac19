/// Reads the arguments of the commands about addresses.

#include "address_arguments.hpp"

#include <CLI/CLI.hpp>

#include "address_commands.hpp"

namespace weft::cli {

namespace {

void add_take_over(CLI::App& app, const char* name, const char* help, const Options& options,
                   std::function<int()>& chosen, AddressArguments& arguments) {
  auto* const taking = app.add_subcommand(name, help);
  taking->add_option("peer", arguments.peers, "Its name or nickname, as 'weft status ipam' shows")
      ->required();
  taking->callback([&] { chosen = [&] { return take_over(options, arguments.peers); }; });
}

void add_ipam(CLI::App& app, Options& options, std::function<int()>& chosen,
              AddressArguments& arguments) {
  auto* const ipam =
      app.add_subcommand("ipam", "Who holds addresses, and what is left of the dead");
  ipam->require_subcommand(1);
  auto* const list = ipam->add_subcommand("list", "Who holds which addresses of this node");
  list->add_flag("--json", options.json, "Machine-readable");
  list->callback([&] { chosen = [&] { return list_holders(options); }; });

  auto* const releasing = ipam->add_subcommand(
      "release", "Free the addresses of a container that is gone, and print them");
  releasing->add_option("owner", arguments.owner, "As 'weft ipam list' shows it")->required();
  releasing->add_option("address", arguments.address, "Only this ADDRESS");
  releasing->callback(
      [&] { chosen = [&] { return release(options, arguments.owner, arguments.address); }; });

  add_take_over(*ipam, "take-over", "Make the ranges of a peer that is gone for good ours", options,
                chosen, arguments);
  ipam->add_subcommand("prime", "Wait until the address range is divided")->callback([&] {
    chosen = [&] { return prime(options); };
  });
}

}  // namespace

void add_address_commands(CLI::App& app, Options& options, std::function<int()>& chosen,
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

  add_ipam(app, options, chosen, arguments);
  add_take_over(app, "rmpeer", "As 'weft ipam take-over', by the name that Weave Net has for it",
                options, chosen, arguments);
}

}  // namespace weft::cli
