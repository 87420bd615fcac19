/// Reads what rtnetlink tells of veth ends beyond weft/netlink: aliases and the other end's
/// namespace.
/// Source: Linux net/core/rtnetlink.c, net/core/net_namespace.c.

#include "port.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include <weft/netlink/address.hpp>

#include "attachment.hpp"

namespace weft::cni {
namespace {

Result<std::optional<Port>> query_port(nl::Socket& socket, nl::Message& message,
                                       const std::string& doing) {
  std::optional<Port> found;
  const auto answer =
      socket.query(message, [&](const nlmsghdr& each) { found = parse_port(each); }, doing);
  if (!answer && answer.error().code != std::errc::no_such_device) {
    return tl::unexpected(answer.error());
  }
  return found;
}

/// fe80::/10: every interface has one, and nobody gave it.
constexpr net::Cidr link_local{{net::Family::v6, {std::byte{0xFE}, std::byte{0x80}}}, 10};

/// The kernel takes the id of a namespace that has ended for a wrong one.
bool is_namespace_gone(const Error& error) {
  return error.code == std::errc::invalid_argument || error.code == std::errc::no_such_device;
}

}  // namespace

std::optional<Port> parse_port(const nlmsghdr& message) {
  auto link = nl::parse_link(message);
  if (!link || link->kind != "veth") {
    return std::nullopt;
  }
  Port port{*std::move(link), {}, {}};
  nl::AttributeReader attributes{message, sizeof(ifinfomsg)};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == IFLA_IFALIAS) {
      port.alias = attribute->text();
    } else if (attribute->type == IFLA_LINK_NETNSID) {
      port.netns = attribute->number<int>();
    }
  }
  return port;
}

bool is_pods(const Port& port) noexcept {
  return is_port_alias(port.alias) || port.link.name.starts_with(pod_port_prefix);
}

Result<std::optional<Port>> find_port(nl::Socket& socket, std::string_view name) {
  nl::Message message{RTM_GETLINK, 0};
  message.extra_header<ifinfomsg>();
  message.put_text(IFLA_IFNAME, name);
  return query_port(socket, message, fmt::format("look up port '{}'", name));
}

Result<std::optional<Port>> find_port(nl::Socket& socket, int index) {
  nl::Message message{RTM_GETLINK, 0};
  message.extra_header<ifinfomsg>().ifi_index = index;
  return query_port(socket, message, fmt::format("look up port {}", index));
}

Result<std::vector<Port>> list_ports(nl::Socket& socket) {
  nl::Message message{RTM_GETLINK, NLM_F_DUMP};
  message.extra_header<ifinfomsg>();
  std::vector<Port> ports;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        if (auto port = parse_port(each)) {
          ports.push_back(*std::move(port));
        }
      },
      "list ports"));
  return ports;
}

Result<std::vector<Port>> list_ports(nl::Socket& socket, int bridge) {
  std::vector<Port> ports;
  WEFT_TRY(ports, list_ports(socket));
  std::erase_if(ports, [bridge](const Port& port) { return port.link.master != bridge; });
  return ports;
}

Result<> set_alias(nl::Socket& socket, int index, std::string_view alias) {
  nl::Message message{RTM_NEWLINK, NLM_F_ACK};
  message.extra_header<ifinfomsg>().ifi_index = index;
  message.put(IFLA_IFALIAS, std::as_bytes(std::span{alias}));  // without final zero
  return socket.request(message, fmt::format("set the alias of interface {}", index));
}

Result<std::optional<int>> netns_id(nl::Socket& socket, int descriptor) {
  nl::Message message{RTM_GETNSID, 0};
  message.extra_header<rtgenmsg>();
  message.put_number(NETNSA_FD, descriptor);
  std::optional<int> id;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        nl::AttributeReader attributes{each, sizeof(rtgenmsg)};
        while (const auto attribute = attributes.next()) {
          if (attribute->type == NETNSA_NSID) {
            id = attribute->number<int>();
          }
        }
      },
      "look up the id of the pod's namespace"));
  return id && *id >= 0 ? id : std::nullopt;
}

Result<std::optional<std::string>> far_name(nl::Socket& socket, const Port& port) {
  nl::Message message{RTM_GETLINK, 0};
  message.extra_header<ifinfomsg>().ifi_index = port.link.peer;
  if (port.netns) {
    message.put_number(IFLA_TARGET_NETNSID, *port.netns);
  }
  std::optional<std::string> name;
  const auto answer = socket.query(
      message,
      [&](const nlmsghdr& each) {
        if (auto link = nl::parse_link(each)) {
          name = std::move(link->name);
        }
      },
      fmt::format("look up the other end of '{}'", port.link.name));
  if (!answer && !is_namespace_gone(answer.error())) {
    return tl::unexpected(answer.error());
  }
  return name;
}

Result<std::vector<net::Cidr>> far_addresses(const Port& port) {
  std::vector<net::Cidr> addresses;
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  // Only a strict dump heeds the namespace and the interface.
  const int on = 1;
  if (::setsockopt(socket->fd(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on) != 0) {
    return fail(errno, "ask for the addresses of another namespace");
  }
  nl::Message message{RTM_GETADDR, NLM_F_DUMP};
  message.extra_header<ifaddrmsg>().ifa_index = static_cast<std::uint32_t>(port.link.peer);
  if (port.netns) {
    message.put_number(IFA_TARGET_NETNSID, *port.netns);
  }
  const auto answer = socket->query(
      message,
      [&](const nlmsghdr& each) {
        if (const auto found = nl::parse_address(each);
            found && !link_local.contains(found->address.address)) {
          addresses.push_back(found->address);
        }
      },
      fmt::format("list the addresses behind '{}'", port.link.name));
  if (!answer && !is_namespace_gone(answer.error())) {
    return tl::unexpected(answer.error());
  }
  return addresses;
}

}  // namespace weft::cni
