/// Reads whose table a notification of nftables is about.

#include <weft/nft/watcher.hpp>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace weft::nft {

Result<std::uint32_t> port_of(const nl::Socket& socket) {
  sockaddr_nl address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return fail(errno, "read the port of a netlink socket");
  }
  return address.nl_pid;
}

std::optional<Change> parse_change(const nlmsghdr& message) {
  const auto* const header = nl::extra_header<nfgenmsg>(message);
  if (header == nullptr || NFNL_SUBSYS_ID(message.nlmsg_type) != NFNL_SUBSYS_NFTABLES) {
    return std::nullopt;
  }
  constexpr std::array families{Family::ip, Family::inet, Family::bridge, Family::arp};
  const auto* const family = std::ranges::find(families, header->nfgen_family, number_of);
  if (family == families.end()) {
    return std::nullopt;
  }
  // Tables, chains, rules, sets and elements all carry their table's name in attribute 1.
  static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1);
  nl::AttributeReader reader{message, sizeof *header};
  while (const auto attribute = reader.next()) {
    if (attribute->type == NFTA_TABLE_NAME) {
      return Change{std::string(attribute->text()), message.nlmsg_pid, *family};
    }
  }
  return std::nullopt;
}

Result<std::unique_ptr<Watcher>> Watcher::open(Loop& loop, Handler on_change, Task on_lost) {
  auto notifications = nl::Watcher::open(
      loop, NETLINK_NETFILTER, {NFNLGRP_NFTABLES},
      [on_change = std::move(on_change)](const nlmsghdr& message) mutable {
        if (const auto change = parse_change(message)) {
          on_change(*change);
        }
      },
      std::move(on_lost));
  if (!notifications) {
    return tl::unexpected(std::move(notifications).error());
  }
  return std::unique_ptr<Watcher>(new Watcher(*std::move(notifications)));
}

}  // namespace weft::nft
