/// Commits differences, watches nftables, and puts the table back after others changed it.

#include <weft/nft/table_keeper.hpp>

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include <weft/nft/reader.hpp>
#include <weft/nft/transaction.hpp>

namespace weft::nft {
namespace {

using namespace std::chrono_literals;

// Others change rules in bursts; one look after the burst is enough.
constexpr Duration settle_time = 100ms;
// After the kernel refused a change.
constexpr Duration retry_time = 5s;

/// Whether `a` and `b` differ in elements of sets at most.
bool have_same_rules(const Table& a, const Table& b) {
  const auto without_elements = [](Set set) {
    set.elements.clear();
    return set;
  };
  return a.chains == b.chains &&
         std::ranges::equal(a.sets, b.sets, {}, without_elements, without_elements);
}

std::vector<ReadChain> base_chains_of(const Table& table) {
  std::vector<ReadChain> chains;
  for (const Chain& chain : table.chains) {
    if (!chain.type.empty()) {
      chains.push_back({chain.name, chain.hook, chain.priority});
    }
  }
  return chains;
}

std::vector<ReadRule> rules_of(const Table& table) {
  std::vector<ReadRule> rules;
  for (const Chain& chain : table.chains) {
    for (const Rule& rule : chain.rules) {
      rules.push_back({chain.name, rule.comment, 0});
    }
  }
  return rules;
}

/// By chain; the rules of a chain in their order.
std::vector<ReadRule> by_chain(std::vector<ReadRule> rules) {
  std::ranges::stable_sort(rules, {}, &ReadRule::chain);
  for (ReadRule& rule : rules) {
    rule.packets = 0;
  }
  return rules;
}

}  // namespace

Result<std::unique_ptr<TableKeeper>> TableKeeper::open(Loop& loop, Log& log,
                                                       const TableName& name) {
  auto socket = nl::Socket::open(NETLINK_NETFILTER);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  std::uint32_t port = 0;
  WEFT_TRY(port, port_of(*socket));
  std::unique_ptr<TableKeeper> keeper(new TableKeeper(loop, log, name, *std::move(socket), port));
  WEFT_TRY(keeper->watcher_,
           Watcher::open(
               loop,
               [keeper = keeper.get()](const Change& change) {
                 if (change.is_in(keeper->name()) && change.port != keeper->port_) {
                   keeper->is_damaged_ = true;
                   keeper->repair_later(settle_time);
                 }
               },
               [keeper = keeper.get()] {
                 keeper->is_damaged_ = true;
                 keeper->repair_later(settle_time);
               }));
  return keeper;
}

Result<> TableKeeper::keep(Table table) {
  WEFT_CHECK(table.full_name() == name(), "a keeper keeps the table it was opened for");
  for (Set& set : table.sets) {
    normalize(set.elements);
  }
  if (is_in_force_ && have_same_rules(wanted_, table) && change_elements(table)) {
    wanted_ = std::move(table);
    return {};
  }
  wanted_ = std::move(table);
  auto done = put();
  if (!done) {
    repair_later(retry_time);
  }
  return done;
}

Result<> TableKeeper::change_elements(const Table& to) {
  nl::Batch batch;
  for (std::size_t i = 0; i < to.sets.size(); ++i) {
    append_set_change(batch, name(), to.sets[i],
                      difference(wanted_.sets[i].elements, to.sets[i].elements));
  }
  return batch.is_empty()
             ? Result<>{}
             : socket_.commit(
                   batch, fmt::format("change the sets of nftables table '{}'", to_string(name())));
}

Result<> TableKeeper::put() {
  std::ignore = counts();  // the replaced rules begin at zero
  nl::Batch batch;
  append_replacement(batch, wanted_);
  auto done = socket_.commit(batch, fmt::format("replace nftables table '{}'", to_string(name())));
  is_in_force_ = done.has_value();
  if (done) {
    last_read_.clear();
  }
  return done;
}

void TableKeeper::repair_later(Duration delay) {
  if (!is_repair_pending_) {
    is_repair_pending_ = true;
    repair_timer_ = loop_.after(delay, [this] { repair(); });
  }
}

void TableKeeper::repair() {
  is_repair_pending_ = false;
  if (wanted_.name.empty() || (is_in_force_ && !is_damaged_)) {
    return;
  }
  if (const auto done = put(); !done) {
    log_.error("nftables table not in force", "table", to_string(name()), "error", done.error());
    repair_later(retry_time);
    return;
  }
  if (std::exchange(is_damaged_, false)) {
    ++repairs_;
    log_.warn("nftables table restored after another program changed it", "table",
              to_string(name()));
  }
}

Result<std::map<std::string, std::uint64_t>> TableKeeper::counts() {
  std::optional<std::vector<ReadRule>> rules;
  WEFT_TRY(rules, read_rules(socket_, name()));
  std::map<std::string, std::uint64_t> read;
  for (const ReadRule& rule : rules.value_or(std::vector<ReadRule>{})) {
    read[rule.comment] += rule.packets;
  }
  for (const auto& [comment, packets] : read) {
    const std::uint64_t before = last_read_[comment];
    counted_[comment] += packets >= before ? packets - before : packets;
  }
  last_read_ = std::move(read);
  return counted_;
}

Result<std::vector<std::string>> TableKeeper::differences() {
  const std::string table = to_string(name());
  std::optional<std::uint32_t> flags;
  WEFT_TRY(flags, read_flags(socket_, name()));
  if (!flags) {
    return std::vector{fmt::format("nftables table '{}' is not there", table)};
  }
  std::vector<std::string> found;
  if ((*flags & NFT_TABLE_F_DORMANT) != 0) {
    found.push_back(
        fmt::format("nftables table '{}' is dormant: none of its rules is used", table));
  }
  std::vector<ReadChain> chains;
  WEFT_TRY(chains, read_base_chains(socket_, name()));
  for (const ReadChain& chain : base_chains_of(wanted_)) {
    if (std::ranges::find(chains, chain) == chains.end()) {
      found.push_back(
          fmt::format("chain '{}' of nftables table '{}' is not at its hook", chain.name, table));
    }
  }
  std::optional<std::vector<ReadRule>> rules;
  WEFT_TRY(rules, read_rules(socket_, name()));
  if (!rules || by_chain(*std::move(rules)) != by_chain(rules_of(wanted_))) {
    found.push_back(fmt::format("nftables table '{}' has other rules than it should", table));
  }
  for (const Set& set : wanted_.sets) {
    if (set.filled_size != 0) {
      continue;
    }
    std::optional<std::vector<Element>> elements;
    WEFT_TRY(elements, read_elements(socket_, name(), set.name, set.has_ranges));
    if (elements != set.elements) {
      found.push_back(
          fmt::format("set '{}' of nftables table '{}' has other elements than it "
                      "should",
                      set.name, table));
    }
  }
  return found;
}

Result<> TableKeeper::remove(const TableName& name) {
  auto socket = nl::Socket::open(NETLINK_NETFILTER);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  std::optional<std::uint32_t> flags;
  WEFT_TRY(flags, read_flags(*socket, name));
  if (!flags) {
    return {};
  }
  nl::Batch batch;
  append_table_deletion(batch, name);
  return socket->commit(batch, fmt::format("delete nftables table '{}'", to_string(name)));
}

}  // namespace weft::nft
