/// Adds, deletes and lists addresses of interfaces.

#include <weft/netlink/address.hpp>

#include <fmt/core.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "rtnl.hpp"

namespace weft::nl {
namespace {

Message address_message(std::uint16_t type, std::uint16_t flags, int link,
                        const net::Cidr& address) {
  Message message{type, static_cast<std::uint16_t>(NLM_F_ACK | flags)};
  auto& info = message.extra_header<ifaddrmsg>();
  info.ifa_family = kernel_family(address.address);
  info.ifa_prefixlen = address.prefix_length;
  info.ifa_index = static_cast<std::uint32_t>(link);
  info.ifa_flags = address.address.is_v4() ? 0 : IFA_F_NODAD;
  message.put(IFA_LOCAL, address.address.bytes());
  message.put(IFA_ADDRESS, address.address.bytes());
  return message;
}

}  // namespace

std::optional<LinkAddress> parse_address(const nlmsghdr& message) {
  const auto* const info = extra_header<ifaddrmsg>(message);
  if (info == nullptr || (message.nlmsg_type != RTM_NEWADDR && message.nlmsg_type != RTM_DELADDR)) {
    return std::nullopt;
  }
  LinkAddress found{static_cast<int>(info->ifa_index), {{}, info->ifa_prefixlen}};
  bool is_local = false;  // of a point-to-point link IFA_ADDRESS is the other end's
  AttributeReader attributes{message, sizeof(ifaddrmsg)};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == IFA_LOCAL || (attribute->type == IFA_ADDRESS && !is_local)) {
      is_local = attribute->type == IFA_LOCAL;
      found.address.address = read_ip(attribute->value);
    }
  }
  return found;
}

Result<> add_address(Socket& socket, int link, const net::Cidr& address) {
  Message message = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, address);
  if (address.address.is_v4() && address.prefix_length < 31) {
    const net::IpAddress broadcast =
        net::IpAddress::v4(address.address.v4_value() |
                           static_cast<std::uint32_t>(0xFFFFFFFFULL >> address.prefix_length));
    message.put(IFA_BROADCAST, broadcast.bytes());
  }
  auto answer = socket.request(
      message, fmt::format("add address {} to interface {}", to_string(address), link));
  if (!answer && answer.error().code == std::errc::file_exists) {
    return {};
  }
  return answer;
}

Result<> delete_address(Socket& socket, int link, const net::Cidr& address) {
  Message message = address_message(RTM_DELADDR, 0, link, address);
  auto answer = socket.request(
      message, fmt::format("delete address {} from interface {}", to_string(address), link));
  if (!answer && answer.error().code == std::errc::address_not_available) {
    return {};
  }
  return answer;
}

Result<std::vector<net::Cidr>> list_addresses(Socket& socket, int link) {
  Message message{RTM_GETADDR, NLM_F_DUMP};
  message.extra_header<ifaddrmsg>();
  std::vector<net::Cidr> addresses;
  WEFT_TRY(socket.query(
      message,
      [&](const nlmsghdr& each) {
        if (const auto found = parse_address(each); found && found->link == link) {
          addresses.push_back(found->address);
        }
      },
      fmt::format("list addresses of interface {}", link)));
  return addresses;
}

}  // namespace weft::nl
