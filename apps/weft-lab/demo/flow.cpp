/// Compares flows as sets of keys.

#include "flow.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "probe.hpp"

namespace weft::lab {

using namespace console;

namespace {

/// Types of the keys that the kernel adds for connection tracking: state, zone, mark, labels.
/// Source: enum ovs_key_attr in linux/openvswitch.h.
constexpr std::array tracking_types{"22", "23", "24", "25"};

bool is_tracking(const std::string& key) {
  return std::ranges::any_of(tracking_types, [&](const char* type) {
    return key.starts_with(fmt::format("UnknownFlowKey{{type: {},", type));
  });
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> all;
  for (const Json& text : list) {
    all.push_back(text_of(text));
  }
  return all;
}

std::string shown(const FlowText& flow) {
  return fmt::format("{} -> {}", fmt::join(flow.keys, " + "), fmt::join(flow.actions, ", "));
}

}  // namespace

Check check_flow(const Json& flows, const FlowText& wanted) {
  Check check{false, shown(wanted) + "; Packets not 0",
              fmt::format("none of the {} flows has these keys", flows.size())};
  const std::set<std::string> wanted_keys(wanted.keys.begin(), wanted.keys.end());
  for (const Json& flow : flows) {
    std::vector<std::string> keys = texts(member(flow, "FlowKeys"));
    const std::size_t tracking = std::erase_if(keys, is_tracking);
    if (std::set<std::string>(keys.begin(), keys.end()) != wanted_keys) {
      continue;
    }
    const FlowText found{wanted.keys, texts(member(flow, "Actions"))};
    const std::uint64_t packets = number_of(flow, "Packets");
    check.ok = found.actions == wanted.actions && packets > 0;
    check.observed =
        fmt::format("{}; Packets {}, Bytes {}, Used {}; {} keys of connection tracking",
                    shown(found), packets, text_of(flow, "Bytes"), text_of(flow, "Used"), tracking);
  }
  return check;
}

std::string tunnel_id(std::uint64_t from_short_id, std::uint64_t to_short_id) {
  constexpr unsigned short_id_bits = 12;
  return fmt::format("{:016x}", from_short_id | to_short_id << short_id_bits);
}

std::string tunnel_key(const std::string& id, const LabNode& from, const LabNode& to) {
  return fmt::format("TunnelFlowKey{{id: {}, ipv4src: {}, ipv4dst: {}}}", id, from.ipv4, to.ipv4);
}

std::string set_tunnel(const std::string& id, const LabNode& from, const LabNode& to) {
  return fmt::format("SetTunnelAction{{id: {}, ipv4src: {}, ipv4dst: {}, ttl: 64, df: true}}", id,
                     from.ipv4, to.ipv4);
}

Result<std::string> tunnel_id_between(const Lab& lab, const LabNode& from, const LabNode& to) {
  Json peers;
  WEFT_TRY(peers, report_of(lab, from, ".Router.Peers"));
  const auto short_id = [&](const LabNode& node) -> Result<std::uint64_t> {
    for (const Json& peer : peers) {
      if (text_of(peer, "Name") == node.peer_name) {
        return number_of(peer, "ShortID");
      }
    }
    return fail(Errc::not_found, "find the short id of " + node.name + " in the report");
  };
  std::uint64_t from_id = 0;
  WEFT_TRY(from_id, short_id(from));
  std::uint64_t to_id = 0;
  WEFT_TRY(to_id, short_id(to));
  return tunnel_id(from_id, to_id);
}

Result<Check> check_flow_of(const Lab& lab, const LabNode& node, const FlowText& wanted) {
  Json flows;
  WEFT_TRY(flows, report_of(lab, node, ".Router.OverlayDiagnostics.fastdp.Flows"));
  return check_flow(flows, wanted);
}

}  // namespace weft::lab
