/// Compares what the node wants with what the kernel has, and commits the difference.

#include "nat_table.hpp"

#include <algorithm>
#include <utility>

namespace weft::nat {
namespace {

std::vector<net::Cidr> all_prefixes(const std::vector<Interval>& intervals) {
  std::vector<net::Cidr> result;
  for (const Interval& interval : intervals) {
    const auto part = prefixes(interval);
    result.insert(result.end(), part.begin(), part.end());
  }
  return result;
}

bool is_ours(const InstalledRule& rule) {
  return rule.comment.starts_with(accept_comment);
}

std::vector<std::uint64_t> handles_of_ours(const std::vector<InstalledRule>& rules) {
  std::vector<std::uint64_t> handles;
  for (const InstalledRule& rule : rules) {
    if (is_ours(rule)) {
      handles.push_back(rule.handle);
    }
  }
  return handles;
}

bool stand_on_top(const std::vector<InstalledRule>& installed, const std::vector<Accept>& wanted) {
  const auto ours = std::count_if(installed.begin(), installed.end(), is_ours);
  return std::cmp_equal(ours, wanted.size()) &&
         std::equal(wanted.begin(), wanted.end(), installed.begin(),
                    [](const Accept& accept, const InstalledRule& there) {
                      return accept.comment == there.comment;
                    });
}

}  // namespace

NatTable::NatTable(Kernel kernel, std::string bridge, Translation translation)
    : kernel_(std::move(kernel)), bridge_(std::move(bridge)), translation_(translation) {}

Result<> NatTable::adopt() {
  std::optional<std::vector<Interval>> exposed;
  WEFT_TRY(exposed, kernel_.read_set(table_name, exposed_set));
  std::optional<std::vector<Interval>> local;
  WEFT_TRY(local, kernel_.read_set(table_name, local_set));

  for (const net::Cidr& network : all_prefixes(exposed.value_or(std::vector<Interval>{}))) {
    exposed_.insert(network);
    unconfirmed_.insert(network);
  }
  local_ranges_ = all_prefixes(local.value_or(std::vector<Interval>{}));
  return repair();
}

Result<> NatTable::drop_unconfirmed() {
  if (unconfirmed_.empty()) {
    return {};
  }
  for (const net::Cidr& network : std::exchange(unconfirmed_, {})) {
    exposed_.erase(network);
  }
  return repair();
}

Result<> NatTable::masquerade(const net::Cidr& network) {
  if (!network.address.is_v4()) {
    return fail(Errc::unsupported,
                "masquerade " + to_string(network) + ": the table is for IPv4 only");
  }
  unconfirmed_.erase(network.network());
  const bool is_new = exposed_.insert(network.network()).second;
  return is_new || !is_in_force_ ? repair() : Result<>{};
}

Result<> NatTable::stop_masquerade(const net::Cidr& network) {
  unconfirmed_.erase(network.network());
  const bool was_there = exposed_.erase(network.network()) != 0;
  return was_there || !is_in_force_ ? repair() : Result<>{};
}

Result<> NatTable::set_local_ranges(std::vector<net::Cidr> ranges) {
  local_ranges_ = std::move(ranges);
  auto wanted = merge(local_ranges_);
  const Set set = destination_set(local_set, wanted);
  WEFT_TRY(kernel_.change_set(table_name, set,
                              difference(nft::elements_of(installed_local_), set.elements)));
  installed_local_ = std::move(wanted);
  return {};
}

Result<> NatTable::repair() {
  is_in_force_ = false;
  WEFT_TRY(kernel_.replace(weave_table(intent())));
  installed_local_ = merge(local_ranges_);
  is_in_force_ = true;
  ++replacements_;
  return {};
}

Result<bool> NatTable::repair_foreign() {
  Scene scene;
  WEFT_TRY(scene, kernel_.scene(bridge_, {exposed_.begin(), exposed_.end()}));
  firewall::Table iptables;
  WEFT_TRY(iptables, kernel_.read_iptables());
  const Placement placement = place_accepts(std::move(iptables), scene);

  bool is_changed = false;
  for (const std::string_view name : accepting_chains) {
    const ChainName chain{std::string(iptables_table), std::string(name)};
    bool is_chain_changed = false;
    WEFT_TRY(is_chain_changed, keep_on_top(chain, name == placement.chain ? placement.accepts
                                                                          : std::vector<Accept>{}));
    is_changed = is_changed || is_chain_changed;
  }
  foreign_chain_.reset();
  if (!placement.chain.empty()) {
    foreign_chain_ = ChainName{std::string(iptables_table), placement.chain};
  }
  return is_changed;
}

Result<bool> NatTable::keep_on_top(const ChainName& chain, const std::vector<Accept>& accepts) {
  std::vector<InstalledRule> installed;
  WEFT_TRY(installed, kernel_.rules(chain));
  if (stand_on_top(installed, accepts)) {
    return false;
  }
  std::vector<Rule> rules;
  for (const Accept& accept : accepts) {
    rules.push_back(as_nft(accept, bridge_));
  }
  WEFT_TRY(kernel_.put_on_top(chain, handles_of_ours(installed), rules));
  return true;
}

Intent NatTable::intent() const {
  return {bridge_, {exposed_.begin(), exposed_.end()}, local_ranges_, translation_};
}

Status NatTable::status() const {
  return {translation_,
          {exposed_.begin(), exposed_.end()},
          {unconfirmed_.begin(), unconfirmed_.end()},
          local_ranges_,
          foreign_chain_,
          replacements_};
}

}  // namespace weft::nat
