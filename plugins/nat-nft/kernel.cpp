/// Commits transactions to nf_tables and reads its state back.

#include "kernel.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include <weft/nft/nftnl.hpp>
#include <weft/nft/reader.hpp>
#include <weft/nft/watcher.hpp>

#include "common/firewall/nft_reader.hpp"
#include "scene.hpp"

namespace weft::nat {
namespace {

using nft::allocated;
using nft::comment_of;
using nft::Family;
using nft::query;
using nft::RulePtr;

/// Says what an administrator can do about the errors that stop everything.
Error with_remedy(Error error) {
  const int code = error.code.category() == std::generic_category() ? error.code.value() : 0;
  if (code == EPERM || code == EACCES) {
    error.context += " (weftd needs CAP_NET_ADMIN)";
  } else if (code == EOPNOTSUPP || code == EPROTONOSUPPORT || code == ENOENT) {
    error.context +=
        " (load the kernel modules nf_tables, nft_chain_nat and nft_masq; until then pods reach "
        "each other, and nothing outside)";
  }
  return error;
}

}  // namespace

Result<Kernel> Kernel::open() {
  auto socket = nl::Socket::open(NETLINK_NETFILTER);
  if (!socket) {
    return tl::unexpected(with_remedy(std::move(socket).error()));
  }
  std::uint32_t port = 0;
  WEFT_TRY(port, nft::port_of(*socket));
  auto route = nl::Socket::open(NETLINK_ROUTE);
  if (!route) {
    return tl::unexpected(std::move(route).error());
  }
  return Kernel(std::move(*socket), std::move(*route), port);
}

Result<> Kernel::replace(const Table& table) {
  nl::Batch batch;
  append_replacement(batch, table);
  return socket_.commit(batch, fmt::format("replace nftables table 'ip {}'", table.name))
      .map_error(with_remedy);
}

Result<> Kernel::change_set(std::string_view table, const Set& set, const Difference& change) {
  if (change.is_empty()) {
    return {};
  }
  nl::Batch batch;
  append_set_change(batch, table, set, change);
  return socket_.commit(batch, fmt::format("change nftables set 'ip {} {}'", table, set.name));
}

Result<std::optional<std::vector<Interval>>> Kernel::read_set(std::string_view table,
                                                              std::string_view set) {
  auto elements = nft::read_elements(socket_, table, set, /*has_ranges=*/true);
  if (!elements) {
    return tl::unexpected(with_remedy(std::move(elements).error()));
  }
  if (!*elements) {
    return std::nullopt;
  }
  return intervals_of(**elements);
}

Result<firewall::Table> Kernel::read_iptables() {
  return firewall::read_nft_table(socket_, route_, {iptables_table});
}

Result<Scene> Kernel::scene(std::string bridge, std::vector<net::Cidr> networks) {
  return read_scene(route_, std::move(bridge), std::move(networks));
}

Result<std::vector<InstalledRule>> Kernel::rules(const ChainName& chain) {
  auto message = query(Family::ip, NFT_MSG_GETRULE, NLM_F_DUMP);
  message.put_text(NFTA_RULE_TABLE, chain.table).put_text(NFTA_RULE_CHAIN, chain.chain);

  std::vector<InstalledRule> rules;
  WEFT_TRY(socket_.query(
      message,
      [&](const nlmsghdr& part) {
        const RulePtr rule{allocated(nftnl_rule_alloc())};
        if (nftnl_rule_nlmsg_parse(&part, rule.get()) >= 0) {
          rules.push_back({nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE), comment_of(*rule)});
        }
      },
      fmt::format("read the rules of 'ip {} {}'", chain.table, chain.chain)));
  return rules;
}

Result<> Kernel::put_on_top(const ChainName& chain, std::span<const std::uint64_t> old,
                            std::span<const Rule> rules) {
  nl::Batch batch;
  for (const std::uint64_t handle : old) {
    append_rule_deletion(batch, chain, handle);
  }
  append_rules_on_top(batch, chain, rules);
  if (batch.is_empty()) {
    return {};
  }
  return socket_.commit(batch,
                        fmt::format("insert rules into 'ip {} {}'", chain.table, chain.chain));
}

}  // namespace weft::nat
