/// Declares the control commands of the address plugin.

#include "ipam/command_parameters.hpp"

#include <utility>

#include <fmt/core.h>

namespace weft::ipam {
namespace {

constexpr const char* owner_help = "Who holds the address: a container's ID, or another's name.";

Result<net::Cidr> parse_address(const std::string& text) {
  if (const auto address = net::parse_ip(text)) {
    return net::Cidr{*address, static_cast<std::uint8_t>(address->width())};
  }
  const auto cidr = net::parse_cidr(text);
  if (!cidr) {
    return fail(Errc::invalid, fmt::format("read 'address': '{}' is not an address with a prefix "
                                           "length, such as 10.32.0.1/12",
                                           text));
  }
  return *cidr;
}

}  // namespace

Result<> AddressParameter::read() {
  if (text) {
    WEFT_TRY(value, parse_address(*text));
  }
  return {};
}

void OwnerParameters::describe(Schema& schema) {
  schema.required("owner", owner, owner_help);
}

Result<> OwnerParameters::validate() const {
  return owner.empty() ? fail(Errc::invalid, "read 'owner': it must not be empty") : Result<>();
}

void AllocateParameters::describe(Schema& schema) {
  holder.describe(schema);
  schema.field("subnet", subnet, "Where to allocate; the default subnet unless given.");
}

void ClaimParameters::describe(Schema& schema) {
  holder.describe(schema);
  schema.required("address", text, "The address, with the prefix length of its network.");
  schema.field("lenient", is_lenient, "Succeed for an address that another peer may give out.");
}

Result<> ClaimParameters::validate() {
  WEFT_TRY(holder.validate());
  WEFT_TRY(address, parse_address(text));
  return {};
}

void ReleaseParameters::describe(Schema& schema) {
  holder.describe(schema);
  schema.field("address", address.text, "One of its addresses; all of them unless given.");
}

Result<> ReleaseParameters::validate() {
  WEFT_TRY(holder.validate());
  return address.read();
}

void TakeOverParameters::describe(Schema& schema) {
  schema.required("peer", peer, "The dead peer: its name or nickname.");
}

void ExposeParameters::describe(Schema& schema) {
  schema.field("address", address.text, "Which address; a free one unless given.");
  schema.field("subnet", subnet, "Where to allocate; the default subnet unless given.");
  schema.field("masquerade", masquerade,
               "Let what pods of this network send elsewhere leave with the node's address.");
}

void HideParameters::describe(Schema& schema) {
  schema.field("address", address.text, "Which address; all of them unless given.");
}

CommandInfo status_command() {
  return {"ipam.status",
          "How the address range is divided, in the shape of Weave Net's report.",
          "object",
          {{"Paxos", "The vote that divides the range; null once it is over."},
           {"Range", "All addresses."},
           {"RangeNumIPs", "How many."},
           {"ActiveIPs", "How many of this node's are held."},
           {"DefaultSubnet", "Where addresses are allocated."},
           {"Entries", "Who owns what."},
           {"PendingClaims", "What waits; or null."},
           {"PendingAllocates", "What waits; or null."},
           {"Exhausted", "True when the default subnet has no address left."},
           {"Fenced", "Ranges that are kept apart; absent without any."},
           {"Outbid", "Claims about this node that it answered; absent without any."},
           {"Refused", "States of other peers that were refused; absent without any."},
           {"Searching", "True while it looks for somebody to ask for addresses."},
           {"Warnings", "What an operator should know; absent without any."}}};
}

CommandInfo list_command() {
  return {"ipam.list",
          "Who holds which addresses of this node.",
          "object",
          {{"owned[].containerid", "Who."},
           {"owned[].addrs", "With the prefix lengths of their networks."}}};
}

CommandInfo take_over_command() {
  return {"ipam.take-over",
          "Takes the addresses of a peer that is gone for good.",
          "object",
          {{"peer", "Its name."}, {"addresses", "How many addresses this node gained."}}};
}

CommandInfo empty_command(std::string name, std::string help) {
  return {std::move(name), std::move(help), "object", {}};
}

CommandInfo addresses_command(std::string name, std::string help) {
  return {std::move(name),
          std::move(help),
          "object",
          {{"addresses", "With the prefix lengths of their networks."}}};
}

}  // namespace weft::ipam
