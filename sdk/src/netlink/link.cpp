/// Finds, creates, changes and deletes network interfaces.
/// Source: Linux Documentation/networking/netlink_spec/rt_link.yaml.

#include <weft/netlink/link.hpp>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

namespace weft::nl {
namespace {

constexpr std::uint32_t max_mtu = 65535;  // of an IPv4 packet

void read_bridge_port(ByteView octets, Link& link) {
  AttributeReader attributes{octets};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == IFLA_BRPORT_MODE) {
      link.is_hairpin = attribute->number<std::uint8_t>().value_or(0) != 0;
    }
  }
}

Vxlan read_vxlan(ByteView octets) {
  Vxlan vxlan;
  AttributeReader attributes{octets};
  while (const auto attribute = attributes.next()) {
    const bool is_on = attribute->number<std::uint8_t>().value_or(0) != 0;
    if (attribute->type == IFLA_VXLAN_PORT && attribute->value.size() == sizeof(std::uint16_t)) {
      vxlan.udp_port = load_be<std::uint16_t>(attribute->value.data());
    } else if (attribute->type == IFLA_VXLAN_COLLECT_METADATA) {
      vxlan.is_external = is_on;
    } else if (attribute->type == IFLA_VXLAN_LEARNING) {
      vxlan.is_learning = is_on;
    }
  }
  return vxlan;
}

void read_link_info(ByteView octets, Link& link) {
  AttributeReader attributes{octets};
  bool is_bridge_port = false;
  while (const auto attribute = attributes.next()) {
    if (attribute->type == IFLA_INFO_KIND) {
      link.kind = attribute->text();
    } else if (attribute->type == IFLA_INFO_DATA && link.kind == "vxlan") {
      link.vxlan = read_vxlan(attribute->value);
    } else if (attribute->type == IFLA_INFO_SLAVE_KIND) {
      is_bridge_port = attribute->text() == "bridge";
    } else if (attribute->type == IFLA_INFO_SLAVE_DATA && is_bridge_port) {
      read_bridge_port(attribute->value, link);
    }
  }
}

void read_attribute(const Attribute& attribute, Link& link) {
  switch (attribute.type) {
    case IFLA_IFNAME:
      link.name = attribute.text();
      break;
    case IFLA_MTU:
      link.mtu = attribute.number<std::uint32_t>().value_or(0);
      break;
    case IFLA_MASTER:
      link.master = attribute.number<int>().value_or(0);
      break;
    case IFLA_LINK:
      link.peer = attribute.number<int>().value_or(0);
      break;
    case IFLA_ADDRESS:
      if (attribute.value.size() == link.mac.octets.size()) {
        link.mac = net::Mac::load(attribute.value.data());
      }
      break;
    case IFLA_LINKINFO:
      read_link_info(attribute.value, link);
      break;
    default:
      break;
  }
}

Result<std::optional<Link>> query_one(Socket& socket, Message& message, std::string_view doing) {
  std::optional<Link> found;
  const auto answer =
      socket.query(message, [&](const nlmsghdr& each) { found = parse_link(each); }, doing);
  if (!answer && answer.error().code != std::errc::no_such_device) {
    return tl::unexpected(answer.error());
  }
  return found;
}

/// Names what the kernel lacks when it does not know a kind of interface.
auto needs_module(std::string_view module) {
  return [module](Error error) {
    if (error.code == std::errc::operation_not_supported) {
      error.context += fmt::format(" (load the kernel module {})", module);
    }
    return error;
  };
}

void put_end(Message& message, const VethEnd& end) {
  message.put_text(IFLA_IFNAME, end.name);
  if (end.mac) {
    message.put(IFLA_ADDRESS, end.mac->octets);
  }
  if (end.mtu != 0) {
    message.put_number(IFLA_MTU, end.mtu);
  }
  if (end.netns_fd) {
    message.put_number(IFLA_NET_NS_FD, *end.netns_fd);
  }
  // No queue of its own, as the pods of container runtimes have it: a veth hands over at once.
  message.put_number(IFLA_TXQLEN, std::uint32_t{0});
}

}  // namespace

std::optional<Link> parse_link(const nlmsghdr& message) {
  const auto* const info = extra_header<ifinfomsg>(message);
  if ((message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK) || info == nullptr) {
    return std::nullopt;
  }
  Link link;
  link.index = info->ifi_index;
  link.is_up = (info->ifi_flags & IFF_UP) != 0;
  AttributeReader attributes{message, sizeof(ifinfomsg)};
  while (const auto attribute = attributes.next()) {
    read_attribute(*attribute, link);
  }
  return link;
}

Result<std::optional<Link>> find_link(Socket& socket, std::string_view name) {
  Message message{RTM_GETLINK, 0};
  message.extra_header<ifinfomsg>();
  message.put_text(IFLA_IFNAME, name);
  return query_one(socket, message, fmt::format("look up interface '{}'", name));
}

Result<std::optional<Link>> find_link(Socket& socket, int index) {
  Message message{RTM_GETLINK, 0};
  message.extra_header<ifinfomsg>().ifi_index = index;
  return query_one(socket, message, fmt::format("look up interface {}", index));
}

Result<Link> require_link(Socket& socket, std::string_view name) {
  std::optional<Link> found;
  WEFT_TRY(found, find_link(socket, name));
  if (!found) {
    return fail(ENODEV, fmt::format("find interface '{}'", name));
  }
  return *std::move(found);
}

Result<std::vector<Link>> list_links(Socket& socket) {
  Message message{RTM_GETLINK, NLM_F_DUMP};
  message.extra_header<ifinfomsg>();
  std::vector<Link> links;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        if (auto link = parse_link(each)) {
          links.push_back(*std::move(link));
        }
      },
      "list interfaces"));
  return links;
}

Result<> change_link(Socket& socket, int index, const LinkChange& change) {
  Message message{RTM_NEWLINK, NLM_F_ACK};
  auto& info = message.extra_header<ifinfomsg>();
  info.ifi_index = index;
  if (change.up) {
    info.ifi_change = IFF_UP;
    info.ifi_flags = *change.up ? IFF_UP : 0;
  }
  if (change.name) {
    message.put_text(IFLA_IFNAME, *change.name);
  }
  if (change.mac) {
    message.put(IFLA_ADDRESS, change.mac->octets);
  }
  if (change.mtu) {
    message.put_number(IFLA_MTU, *change.mtu);
  }
  if (change.master) {
    message.put_number(IFLA_MASTER, *change.master);
  }
  if (change.netns_fd) {
    message.put_number(IFLA_NET_NS_FD, *change.netns_fd);
  }
  return socket.request(message, fmt::format("change interface {}", index));
}

Result<> delete_link(Socket& socket, int index) {
  Message message{RTM_DELLINK, NLM_F_ACK};
  message.extra_header<ifinfomsg>().ifi_index = index;
  return socket.request(message, fmt::format("delete interface {}", index));
}

Result<> create_bridge(Socket& socket, std::string_view name) {
  Message message{RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
  message.extra_header<ifinfomsg>();
  message.put_text(IFLA_IFNAME, name);
  message.nest(IFLA_LINKINFO, [&] { message.put_text(IFLA_INFO_KIND, "bridge"); });
  return socket.request(message, fmt::format("create bridge '{}'", name))
      .map_error(needs_module("bridge"));
}

Result<> create_veth(Socket& socket, const VethEnd& host, const VethEnd& peer) {
  Message message{RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
  message.extra_header<ifinfomsg>();
  put_end(message, host);
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_KIND, "veth");
    message.nest(IFLA_INFO_DATA, [&] {
      message.nest(VETH_INFO_PEER, [&] {
        const ifinfomsg info{};
        message.append(std::as_bytes(std::span{&info, 1}));
        put_end(message, peer);
      });
    });
  });
  return socket
      .request(message, fmt::format("create the veth pair '{}' and '{}'", host.name, peer.name))
      .map_error(needs_module("veth"));
}

Result<> create_external_vxlan(Socket& socket, std::string_view name, std::uint16_t udp_port) {
  constexpr std::uint8_t on = 1;
  constexpr std::uint8_t off = 0;
  Message message{RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
  auto& info = message.extra_header<ifinfomsg>();
  info.ifi_flags = IFF_UP;
  info.ifi_change = IFF_UP;
  message.put_text(IFLA_IFNAME, name).put_number(IFLA_MTU, std::uint32_t{max_mtu});
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_KIND, "vxlan");
    message.nest(IFLA_INFO_DATA, [&] {
      // Left out, learning is on, and packets whose inner source MAC is zero are dropped.
      message.put_number(IFLA_VXLAN_LEARNING, off)
          .put_number(IFLA_VXLAN_COLLECT_METADATA, on)
          .put_number(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, on)
          .put_number(IFLA_VXLAN_PORT, htons(udp_port));
    });
  });
  return socket.request(message, fmt::format("create VXLAN interface '{}'", name))
      .map_error(needs_module("vxlan"));
}

Result<> set_hairpin(Socket& socket, int port, bool is_on) {
  Message message{RTM_SETLINK, NLM_F_ACK};
  auto& info = message.extra_header<ifinfomsg>();
  info.ifi_family = AF_BRIDGE;
  info.ifi_index = port;
  message.nest(IFLA_PROTINFO, [&] {
    message.put_number(IFLA_BRPORT_MODE, static_cast<std::uint8_t>(is_on ? 1 : 0));
  });
  return socket.request(message, fmt::format("set hairpin mode of bridge port {}", port));
}

}  // namespace weft::nl
