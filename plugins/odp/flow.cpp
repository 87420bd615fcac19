/// Describes flows in the words of Weave Net's report.

#include "flow.hpp"

#include <fmt/format.h>

namespace weft::odp {
namespace {

std::string address(std::uint32_t value) {
  return fmt::format("{}.{}.{}.{}", value >> 24U, value >> 16U & 0xFFU, value >> 8U & 0xFFU,
                     value & 0xFFU);
}

std::string hex(const Bytes& octets) {
  std::string text;
  for (const std::byte octet : octets) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  }
  return text;
}

}  // namespace

std::vector<std::string> describe_keys(const KernelFlow& flow) {
  std::vector<std::string> keys;
  if (flow.key.tunnel) {
    keys.push_back(fmt::format("TunnelFlowKey{{id: {:016x}, ipv4src: {}, ipv4dst: {}}}",
                               flow.key.tunnel->id, address(flow.key.tunnel->source),
                               address(flow.key.tunnel->destination)));
  }
  keys.push_back(fmt::format("InPortFlowKey{{vport: {}}}", flow.key.in_port));
  if (flow.key.macs) {
    keys.push_back(fmt::format("EthernetFlowKey{{src: {}, dst: {}}}",
                               to_string(flow.key.macs->source),
                               to_string(flow.key.macs->destination)));
  }
  for (const ForeignKey& foreign : flow.foreign) {
    keys.push_back(fmt::format("UnknownFlowKey{{type: {}, key: {}, mask: {}}}", foreign.type,
                               hex(foreign.key), hex(foreign.mask)));
  }
  return keys;
}

std::vector<std::string> describe_actions(const Actions& actions) {
  std::vector<std::string> texts;
  for (const Action& action : actions) {
    if (const auto* const set = std::get_if<SetTunnel>(&action)) {
      texts.push_back(fmt::format(
          "SetTunnelAction{{id: {:016x}, ipv4src: {}, ipv4dst: {}, ttl: 64, df: true}}",
          set->tunnel.id, address(set->tunnel.source), address(set->tunnel.destination)));
    } else if (const auto* const output = std::get_if<Output>(&action)) {
      texts.push_back(fmt::format("OutputAction{{vport: {}}}", output->port));
    } else {
      texts.push_back(
          fmt::format("CheckLengthAction{{max: {}}}", std::get<CheckLength>(action).max_bytes));
    }
  }
  return texts;
}

}  // namespace weft::odp
