/// Builds the guard's table, and changes the set of tunnels it is about.

#include "firewall.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include <fmt/core.h>

#include <weft/nft/reader.hpp>
#include <weft/nft/transaction.hpp>

#include "xfrm.hpp"

namespace weft::ipsec {
namespace {

using nft::Field;

/// Local address, remote address, port.
nft::Set set_of_tunnels() {
  return {std::string(tunnel_set),
          {Field::source_address, Field::destination_address, Field::udp_destination_port}};
}

nft::Element element_of(const Tunnel& tunnel) {
  std::array<std::byte, sizeof tunnel.port> port{};
  store_be(port.data(), tunnel.port);
  return {nft::key_of({tunnel.local.bytes(), tunnel.remote.bytes(), port})};
}

/// Empty when the element is none of ours.
std::optional<Tunnel> tunnel_of(const nft::Element& element) {
  constexpr std::size_t key_bytes = 12;  // two addresses, the port and its padding
  if (element.first.size() != key_bytes) {
    return std::nullopt;
  }
  const std::byte* const key = element.first.data();
  return Tunnel{net::IpAddress::v4(load_be<std::uint32_t>(key)),
                net::IpAddress::v4(load_be<std::uint32_t>(key + 4)),
                load_be<std::uint16_t>(key + 8)};
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

std::string describe(const Tunnel& tunnel) {
  return fmt::format("the tunnel between {} and {}, port {}", to_string(tunnel.local),
                     to_string(tunnel.remote), tunnel.port);
}

}  // namespace

nft::Table guard_table(const std::set<Tunnel>& tunnels) {
  const nft::Protocol udp{IPPROTO_UDP};
  nft::Set set = set_of_tunnels();
  const nft::FieldsInSet is_outgoing{set.fields, set.name};
  const nft::FieldsInSet is_incoming{
      {Field::destination_address, Field::source_address, Field::udp_destination_port},
      std::string(tunnel_set)};
  const auto drop = nft::Verdict::drop;

  for (const Tunnel& tunnel : tunnels) {
    set.elements.push_back(element_of(tunnel));
  }
  return {std::string(firewall_table),
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
  auto elements = nft::read_elements(socket_, firewall_table, tunnel_set);
  if (!elements) {
    return tl::unexpected(with_remedy(std::move(elements).error()));
  }
  std::set<Tunnel> tunnels;
  for (const nft::Element& element : elements->value_or(std::vector<nft::Element>{})) {
    if (const auto tunnel = tunnel_of(element)) {
      tunnels.insert(*tunnel);
    }
  }
  return tunnels;
}

Result<> Firewall::guard(const Tunnel& tunnel) {
  const auto held = tunnels_.insert(tunnel);
  if (tunnels_.count(tunnel) > 1) {
    return {};
  }
  nl::Batch batch;
  nft::append_set_change(batch, firewall_table, set_of_tunnels(), {{element_of(tunnel)}, {}});
  auto added = socket_.commit(batch, fmt::format("guard {}", describe(tunnel)));
  if (!added && nft::is_absent(added.error())) {
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
  nft::append_set_change(batch, firewall_table, set_of_tunnels(), {{}, {element_of(tunnel)}});
  auto deleted = socket_.commit(batch, fmt::format("release {}", describe(tunnel)));
  return !deleted && nft::is_absent(deleted.error()) ? repair() : deleted;
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
  return !removed && nft::is_absent(removed.error()) ? Result<>{} : removed;
}

}  // namespace weft::ipsec
