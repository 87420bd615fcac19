/// Builds the guard's table, and changes the set of tunnels it is about.

#include "firewall.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "common/nft/nftnl.hpp"
#include "common/nft/transaction.hpp"
#include "xfrm.hpp"

namespace weft::ipsec {
namespace {

using nft::Field;

constexpr std::size_t element_bytes = 12;  // two addresses, the port and its padding

/// As it stands in the set: local address, remote address, port.
Bytes element_of(const Tunnel& tunnel) {
  Bytes element(element_bytes);
  std::ranges::copy(tunnel.local.bytes(), element.begin());
  std::ranges::copy(tunnel.remote.bytes(), element.begin() + 4);
  store_be(element.data() + 8, tunnel.port);
  return element;
}

Tunnel tunnel_of(const std::byte* element) {
  return {net::IpAddress::v4(load_be<std::uint32_t>(element)),
          net::IpAddress::v4(load_be<std::uint32_t>(element + 4)),
          load_be<std::uint16_t>(element + 8)};
}

int collect_tunnel(nftnl_set_elem* element, void* into) {
  std::uint32_t length = 0;
  const void* const key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &length);
  if (key != nullptr && length == element_bytes) {
    static_cast<std::set<Tunnel>*>(into)->insert(tunnel_of(static_cast<const std::byte*>(key)));
  }
  return 0;
}

/// Says what an administrator can do about the errors that stop everything.
Error with_remedy(Error error) {
  const int code = error.code.category() == std::generic_category() ? error.code.value() : 0;
  if (code == EPERM || code == EACCES) {
    error.context += " (weftd needs CAP_NET_ADMIN)";
  } else if (code == EOPNOTSUPP || code == EPROTONOSUPPORT || code == EAFNOSUPPORT) {
    error.context += " (the kernel lacks nftables with IPsec: modprobe nf_tables)";
    error.code = make_error_code(Errc::unsupported);
  }
  return error;
}

bool is_absent(const Error& error) {
  return error.code == std::error_code(ENOENT, std::generic_category());
}

std::string describe(const Tunnel& tunnel) {
  return fmt::format("the tunnel between {} and {}, port {}", to_string(tunnel.local),
                     to_string(tunnel.remote), tunnel.port);
}

}  // namespace

nft::Table guard_table(const std::set<Tunnel>& tunnels) {
  const nft::Protocol udp{IPPROTO_UDP};
  const nft::FieldsInSet is_outgoing{
      {Field::source_address, Field::destination_address, Field::udp_destination_port},
      std::string(tunnel_set)};
  const nft::FieldsInSet is_incoming{
      {Field::destination_address, Field::source_address, Field::udp_destination_port},
      std::string(tunnel_set)};
  const auto drop = nft::Verdict::drop;

  nft::FieldSet set{std::string(tunnel_set), is_outgoing.fields, {}};
  for (const Tunnel& tunnel : tunnels) {
    set.elements.push_back(element_of(tunnel));
  }
  return {std::string(firewall_table),
          {},
          {std::move(set)},
          {{"output_mark",
            "route",
            NF_INET_LOCAL_OUT,
            NF_IP_PRI_MANGLE,
            {{{udp, is_outgoing, nft::SetMark{tunnel_mark}}, "make the kernel look for a policy"}}},
           {"output",
            "filter",
            NF_INET_LOCAL_OUT,
            NF_IP_PRI_FILTER,
            {{{udp, is_outgoing, nft::IsWithoutIpsec{nft::Direction::out}, nft::Count{}, drop},
              "nothing leaves in clear"}}},
           {"input",
            "filter",
            NF_INET_LOCAL_IN,
            NF_IP_PRI_FILTER - 1,
            {{{udp, is_incoming, nft::LacksMark{tunnel_mark}, nft::Count{}, drop},
              "no association of ours decrypted it"},
             {{udp, is_incoming, nft::IsWithoutIpsec{nft::Direction::in}, nft::Count{}, drop},
              "came in clear, with a mark of someone else's"}}}}};
}

Result<Firewall> Firewall::open() {
  auto socket = nl::Socket::open(NETLINK_NETFILTER);
  if (!socket) {
    return tl::unexpected(with_remedy(std::move(socket).error()));
  }
  Firewall firewall(std::move(*socket));
  std::set<Tunnel> left;
  WEFT_TRY(left, firewall.read());
  firewall.tunnels_.insert(left.begin(), left.end());
  WEFT_TRY(firewall.repair());
  return firewall;
}

Result<std::set<Tunnel>> Firewall::read() {
  nl::Message message(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETSETELEM, NLM_F_DUMP);
  auto& header = message.extra_header<nfgenmsg>();
  header.nfgen_family = NFPROTO_IPV4;
  header.version = NFNETLINK_V0;
  message.put_text(NFTA_SET_ELEM_LIST_TABLE, firewall_table)
      .put_text(NFTA_SET_ELEM_LIST_SET, tunnel_set);

  std::set<Tunnel> tunnels;
  const auto answer = socket_.query(
      message,
      [&](const nlmsghdr& part) {
        const nft::SetPtr elements{nft::allocated(nftnl_set_alloc())};
        if (nftnl_set_elems_nlmsg_parse(&part, elements.get()) >= 0) {
          nftnl_set_elem_foreach(elements.get(), collect_tunnel, &tunnels);
        }
      },
      fmt::format("read nftables set 'ip {} {}'", firewall_table, tunnel_set));
  if (!answer && !is_absent(answer.error())) {
    return tl::unexpected(with_remedy(answer.error()));
  }
  return tunnels;
}

Result<> Firewall::guard(const Tunnel& tunnel) {
  const auto held = tunnels_.insert(tunnel);
  if (tunnels_.count(tunnel) > 1) {
    return {};
  }
  nl::Batch batch;
  nft::append_element(batch, firewall_table, tunnel_set, element_of(tunnel));
  auto added = socket_.commit(batch, fmt::format("guard {}", describe(tunnel)));
  if (!added && is_absent(added.error())) {
    added = repair();
  }
  if (!added) {
    tunnels_.erase(held);
  }
  return added;
}

Result<> Firewall::release(const Tunnel& tunnel) {
  const auto held = tunnels_.find(tunnel);
  WEFT_CHECK(held != tunnels_.end(), "only a guarded tunnel can be released");
  tunnels_.erase(held);
  if (tunnels_.contains(tunnel)) {
    return {};
  }
  nl::Batch batch;
  nft::append_element_deletion(batch, firewall_table, tunnel_set, element_of(tunnel));
  auto deleted = socket_.commit(batch, fmt::format("release {}", describe(tunnel)));
  return !deleted && is_absent(deleted.error()) ? repair() : deleted;
}

Result<> Firewall::repair() {
  nl::Batch batch;
  nft::append_replacement(batch, guard_table(tunnels()));
  return socket_.commit(batch, fmt::format("replace nftables table 'ip {}'", firewall_table))
      .map_error(with_remedy);
}

Result<> Firewall::remove() {
  tunnels_.clear();
  nl::Batch batch;
  nft::append_table_deletion(batch, firewall_table);
  auto removed =
      socket_.commit(batch, fmt::format("delete nftables table 'ip {}'", firewall_table));
  return !removed && is_absent(removed.error()) ? Result<>{} : removed;
}

}  // namespace weft::ipsec
