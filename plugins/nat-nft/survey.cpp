/// Reads nftables, iptables-legacy and, where it is to blame, asks firewalld.

#include "survey.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "common/attachment/guard_names.hpp"
#include "common/firewall/nft_reader.hpp"
#include "firewalld.hpp"
#include "legacy.hpp"
#include "remedy.hpp"
#include "ruleset.hpp"
#include "scene.hpp"

namespace weft::nat {
namespace {

Result<std::vector<firewall::Table>> read_nftables(SurveySockets& sockets) {
  return firewall::read_nft_tables(sockets.netfilter, sockets.route, {{table_name}});
}

void keep_legacy(std::vector<firewall::Table>& tables, Survey& survey) {
  if (!has_legacy_tables()) {
    return;
  }
  bool is_changed = false;
  auto legacy = keep_legacy(survey.scene, is_changed);
  if (!legacy) {
    survey.unknown.push_back("rules of iptables-legacy: " + legacy.error().message());
    return;
  }
  if (!legacy->unreadable.empty()) {
    survey.unknown.push_back(legacy->unreadable);
  }
  if (is_changed) {
    survey.done.emplace_back("accept rules of iptables-legacy changed");
  }
  std::ranges::move(legacy->tables, std::back_inserter(tables));
}

/// Without those of weft's own guards.
std::vector<HookedChain> chains_of(const std::vector<firewall::Table>& tables) {
  const std::array guards{nft::to_string(cni::node_guard_table_name),
                          nft::to_string({cni::guard_table_name, cni::guard_family})};
  std::vector<HookedChain> chains;
  for (const firewall::Table& table : tables) {
    if (std::ranges::count(guards, table.name) == 0) {
      for (const firewall::BaseChain& base : table.base_chains) {
        chains.push_back({table.name, base});
      }
    }
  }
  std::ranges::stable_sort(chains, {},
                           [](const HookedChain& chain) { return chain.base.priority; });
  return chains;
}

/// Whether firewalld's rules have changed.
bool ask_firewalld(Survey& survey) {
  survey.has_asked_firewalld = true;
  const auto trusted = trust_in_firewalld(survey.scene.bridge);
  if (!trusted) {
    survey.unknown.push_back("firewalld was not asked to let pods through: " +
                             trusted.error().message());
    return false;
  }
  if (*trusted) {
    survey.done.push_back("bridge put into firewalld's zone 'trusted'");
  }
  return *trusted;
}

}  // namespace

Result<Survey> survey(SurveySockets& sockets, const std::string& bridge,
                      const std::vector<net::Cidr>& networks, bool may_ask) {
  Survey survey;
  WEFT_TRY(survey.scene, read_scene(sockets.route, bridge, networks));
  std::vector<firewall::Table> tables;
  WEFT_TRY(tables, read_nftables(sockets));
  std::vector<firewall::Table> legacy;
  keep_legacy(legacy, survey);

  const auto judge_all = [&] {
    auto all = tables;
    std::ranges::copy(legacy, std::back_inserter(all));
    survey.findings = find_drops(all, survey.scene);
    survey.chains = chains_of(all);
  };
  judge_all();
  if (may_ask && std::ranges::any_of(survey.findings, is_of_firewalld) && ask_firewalld(survey)) {
    WEFT_TRY(tables, read_nftables(sockets));
    judge_all();
  }
  return survey;
}

}  // namespace weft::nat
