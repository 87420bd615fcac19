/// Reads and changes the tables of iptables-legacy with its own tools.

#include "legacy.hpp"

#include <algorithm>
#include <fstream>
#include <optional>

#include <fmt/core.h>

#include "common/firewall/legacy_text.hpp"
#include "common/process/run.hpp"

namespace weft::nat {
namespace {

/// The beginning of the tools' names. Where iptables-nft is the default, those of the old iptables
/// have names of their own.
std::optional<std::string> tools() {
  for (const std::string name : {"iptables-legacy", "iptables"}) {
    const auto version = process::run({name, "--version"});
    if (version && version->is_good() && version->output.find("nf_tables") == std::string::npos) {
      return name;
    }
  }
  return std::nullopt;
}

Result<std::string> output_of(const std::vector<std::string>& argv, std::string_view input = {}) {
  process::Finished finished;
  WEFT_TRY(finished, process::run(argv, input));
  if (!finished.is_good()) {
    return fail(Errc::unsupported, fmt::format("run '{}': it ended with status {}: {}",
                                               argv.front(), finished.status, finished.errors));
  }
  return std::move(finished.output);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

/// The rules of each chain that may hold accepts, first to last, as iptables-save writes them.
std::vector<std::string> rules_of(std::string_view saved, std::string_view chain) {
  std::vector<std::string> rules;
  bool is_filter = false;
  const std::string begin = fmt::format("-A {} ", chain);
  for (const std::string_view line : lines_of(saved)) {
    if (line.starts_with('*')) {
      is_filter = line == "*filter";
    } else if (is_filter && line.starts_with(begin)) {
      rules.emplace_back(line.substr(begin.size()));
    }
  }
  return rules;
}

bool is_accept_of_ours(std::string_view rule) {
  return rule.find(fmt::format("--comment \"{}", accept_comment)) != rule.npos;
}

const firewall::Table* filter_of(const std::vector<firewall::Table>& tables) {
  const auto found = std::ranges::find(tables, "iptables-legacy filter", &firewall::Table::name);
  return found == tables.end() ? nullptr : &*found;
}

}  // namespace

bool has_legacy_tables() {
  std::string name;
  // Not /proc/net, which is that of the process.
  return static_cast<bool>(std::ifstream("/proc/thread-self/net/ip_tables_names") >> name);
}

std::string legacy_change(std::string_view saved, const Placement& placement,
                          const std::string& bridge) {
  std::string change;
  for (const std::string_view chain : accepting_chains) {
    const auto rules = rules_of(saved, chain);
    std::vector<std::string> wanted;
    if (chain == placement.chain) {
      for (const Accept& accept : placement.accepts) {
        wanted.push_back(as_iptables(accept, bridge));
      }
    }
    std::vector<std::string> ours;
    std::ranges::copy_if(rules, std::back_inserter(ours), is_accept_of_ours);
    if (ours == wanted && rules.size() >= wanted.size() &&
        std::equal(wanted.begin(), wanted.end(), rules.begin())) {
      continue;
    }
    for (const std::string& rule : ours) {
      change += fmt::format("-D {} {}\n", chain, rule);
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      change += fmt::format("-I {} {} {}\n", chain, i + 1, wanted[i]);
    }
  }
  return change.empty() ? change : "*filter\n" + change + "COMMIT\n";
}

Result<Legacy> keep_legacy(const Scene& scene, bool& changed) {
  changed = false;
  const auto tool = tools();
  if (!tool) {
    return Legacy{{}, "rules of iptables-legacy are in force, and none of its tools is installed"};
  }
  std::string saved;
  WEFT_TRY(saved, output_of({*tool + "-save"}));
  auto tables = firewall::parse_legacy(saved);
  const firewall::Table* const filter = filter_of(tables);
  const std::string change =
      filter == nullptr ? std::string()
                        : legacy_change(saved, place_accepts(*filter, scene), scene.bridge);
  if (!change.empty()) {
    WEFT_TRY(output_of({*tool + "-restore", "--noflush", "-w", "5"}, change));
    WEFT_TRY(saved, output_of({*tool + "-save"}));
    tables = firewall::parse_legacy(saved);
    changed = true;
  }
  return Legacy{std::move(tables), {}};
}

}  // namespace weft::nat
