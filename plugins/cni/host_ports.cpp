/// Reads interfaces, aliases and addresses over rtnetlink.

#include "host_ports.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <fstream>
#include <utility>
#include <vector>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/socket.hpp>

#include "common/attachment/lock.hpp"
#include "common/attachment/port.hpp"

namespace weft::cni {
namespace {

Result<std::set<net::IpAddress>> own_addresses(nl::Socket& socket) {
  nl::Message message{RTM_GETADDR, NLM_F_DUMP};
  message.extra_header<ifaddrmsg>();
  std::set<net::IpAddress> found;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        if (const auto address = nl::parse_address(each)) {
          found.insert(address->address.address);
        }
      },
      "list addresses"));
  return found;
}

}  // namespace

Result<HostPorts> KernelProbe::look() {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  nl::Message message{RTM_GETLINK, NLM_F_DUMP};
  message.extra_header<ifinfomsg>();
  HostPorts ports;
  WEFT_TRY(socket->query(
      message,
      [&](const nlmsghdr& each) {
        nl::AttributeReader attributes{each, sizeof(ifinfomsg)};
        while (const auto attribute = attributes.next()) {
          if (attribute->type == IFLA_IFNAME) {
            ports.names.emplace(attribute->text());
          } else if (attribute->type == IFLA_IFALIAS) {
            ports.aliases.emplace(attribute->text());
          }
        }
      },
      "list interfaces"));
  return ports;
}

Result<std::set<net::IpAddress>> KernelProbe::addresses() {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  std::set<net::IpAddress> found;
  WEFT_TRY(found, own_addresses(*socket));
  std::vector<nl::Link> links;
  WEFT_TRY(links, nl::list_links(*socket));
  for (const nl::Link& link : links) {
    std::optional<Port> port;
    if (link.kind == "veth") {
      WEFT_TRY(port, find_port(*socket, link.index));
    }
    std::vector<net::Cidr> behind;
    if (port) {
      WEFT_TRY(behind, far_addresses(*port));
    }
    for (const net::Cidr& each : behind) {
      found.insert(each.address);
    }
  }
  return found;
}

std::optional<bool> KernelProbe::is_busy(const AttachmentId& attachment) {
  return AttachmentLock::is_held(directory_, attachment);
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

}  // namespace weft::cni
