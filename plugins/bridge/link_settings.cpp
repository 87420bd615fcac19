/// Reads and writes the attributes of bridges and ports that rtnetlink nests by kind.

#include "link_settings.hpp"

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>

#include <array>
#include <span>

#include <fmt/core.h>

#include <weft/netlink/message.hpp>

namespace weft::bridge {
namespace {

constexpr std::array<WantedSetting, 2> of_bridge{{
    {IFLA_BR_STP_STATE, 4, 0, "spanning tree on the bridge keeps pods waiting; switched off"},
    {IFLA_BR_VLAN_FILTERING, 1, 0,
     "VLAN filtering on the bridge may keep pods apart; switched off"},
}};

constexpr std::array<WantedSetting, 9> of_port{{
    {IFLA_BRPORT_ISOLATED, 1, 0,
     "router's port was isolated from other isolated ports; switched off", "isolation on"},
    {IFLA_BRPORT_LOCKED, 1, 0, "router's port was locked to known MACs; unlocked",
     "its MACs locked"},
    {IFLA_BRPORT_GUARD, 1, 0, "router's port had a BPDU guard; switched off", "a BPDU guard"},
    {IFLA_BRPORT_LEARNING, 1, 1, "router's port did not learn MACs; switched on", "learning off"},
    {IFLA_BRPORT_UNICAST_FLOOD, 1, 1,
     "router's port got no frames for unknown MACs; flooding switched on",
     "flooding of unknown MACs off"},
    {IFLA_BRPORT_MCAST_FLOOD, 1, 1, "router's port got no multicast; flooding switched on",
     "flooding of multicast off"},
    {IFLA_BRPORT_BCAST_FLOOD, 1, 1, "router's port got no broadcasts; flooding switched on",
     "flooding of broadcasts off"},
    {IFLA_BRPORT_NEIGH_SUPPRESS, 1, 0, "router's port got no ARP; suppression switched off",
     "ARP suppression on"},
    {IFLA_BRPORT_STATE, 1, BR_STATE_FORWARDING, "router's port did not forward; switched on",
     "forwarding off"},
}};

LinkNumbers read_numbers(ByteView nest) {
  LinkNumbers numbers;
  nl::AttributeReader attributes{nest};
  while (const auto attribute = attributes.next()) {
    if (const auto octet = attribute->number<std::uint8_t>()) {
      numbers[attribute->type] = *octet;
    } else if (const auto number = attribute->number<std::uint32_t>()) {
      numbers[attribute->type] = *number;
    }
  }
  return numbers;
}

}  // namespace

LinkSettings parse_link_settings(const nlmsghdr& message) {
  LinkSettings settings;
  const auto* const link = nl::extra_header<ifinfomsg>(message);
  settings.has_arp = link == nullptr || (link->ifi_flags & IFF_NOARP) == 0;
  nl::AttributeReader attributes{message, sizeof(ifinfomsg)};
  while (const auto attribute = attributes.next()) {
    if (attribute->type != IFLA_LINKINFO) {
      continue;
    }
    std::string_view kind;
    std::string_view port_kind;
    nl::AttributeReader infos{attribute->value};
    while (const auto info = infos.next()) {
      if (info->type == IFLA_INFO_KIND) {
        kind = info->text();
      } else if (info->type == IFLA_INFO_SLAVE_KIND) {
        port_kind = info->text();
      } else if (info->type == IFLA_INFO_DATA && kind == "bridge") {
        settings.bridge = read_numbers(info->value);
      } else if (info->type == IFLA_INFO_SLAVE_DATA && port_kind == "bridge") {
        settings.port = read_numbers(info->value);
      }
    }
  }
  return settings;
}

Result<LinkSettings> read_link_settings(nl::Socket& socket, int index) {
  nl::Message message{RTM_GETLINK, 0};
  message.extra_header<ifinfomsg>().ifi_index = index;
  LinkSettings settings;
  WEFT_TRY(socket.query(
      message, [&](const nlmsghdr& each) { settings = parse_link_settings(each); },
      fmt::format("look up interface {}", index)));
  return settings;
}

Result<> switch_arp_on(nl::Socket& socket, int index) {
  nl::Message message{RTM_NEWLINK, NLM_F_ACK};
  auto& info = message.extra_header<ifinfomsg>();
  info.ifi_index = index;
  info.ifi_change = IFF_NOARP;
  return socket.request(message, fmt::format("switch ARP of interface {} on", index));
}

std::vector<WantedSetting> differing_settings(const LinkSettings& found, LinkRole role) {
  const bool is_bridge = role == LinkRole::bridge;
  const LinkNumbers& numbers = is_bridge ? found.bridge : found.port;
  std::vector<WantedSetting> differing;
  for (const WantedSetting& wanted : is_bridge ? std::span<const WantedSetting>(of_bridge)
                                               : std::span<const WantedSetting>(of_port)) {
    const auto is = numbers.find(wanted.attribute);
    if (is != numbers.end() && is->second != wanted.value) {
      differing.push_back(wanted);
    }
  }
  return differing;
}

Result<> write_link_setting(nl::Socket& socket, int index, LinkRole role,
                            const WantedSetting& setting) {
  nl::Message message{RTM_NEWLINK, NLM_F_ACK};
  message.extra_header<ifinfomsg>().ifi_index = index;
  const bool is_bridge = role == LinkRole::bridge;
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(is_bridge ? IFLA_INFO_KIND : IFLA_INFO_SLAVE_KIND, "bridge");
    message.nest(is_bridge ? IFLA_INFO_DATA : IFLA_INFO_SLAVE_DATA, [&] {
      if (setting.bytes == 1) {
        message.put_number(setting.attribute, static_cast<std::uint8_t>(setting.value));
      } else {
        message.put_number(setting.attribute, setting.value);
      }
    });
  });
  return socket.request(message, fmt::format("change bridge settings of interface {}", index));
}

}  // namespace weft::bridge
