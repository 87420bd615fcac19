#pragma once
/// What other programs' packet filters do to the traffic of pods that this node lets through.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/firewall/judge.hpp"
#include "traffic.hpp"

namespace weft::nat {

/// A rule, or the policy of a base chain, that drops or rejects traffic of pods.
struct Finding {
  std::string table;  ///< "inet firewalld"
  firewall::BaseChain base;
  firewall::Drop drop;
  std::set<Traffic> traffic;
  std::set<std::uint8_t> protocols;  ///< of tested_protocols

  /// Nobody meant pods, and they need this traffic.
  [[nodiscard]] bool is_wrong() const;
  bool operator==(const Finding&) const = default;
};

/// What one base chain drops, kind by kind.
struct Dropped {
  Traffic traffic;
  std::uint8_t protocol = 0;
  firewall::Drop drop;
};
[[nodiscard]] std::vector<Dropped> drops_of(const firewall::Table& table,
                                            const firewall::BaseChain& base, const Scene& scene);

/// In all base chains of all tables that forwarded packets meet.
[[nodiscard]] std::vector<Finding> find_drops(const std::vector<firewall::Table>& tables,
                                              const Scene& scene);

/// "the policy of 'inet filter forward' drops what pods send to the outside".
[[nodiscard]] std::string describe(const Finding& finding);
/// What to run or to add where. `scene`: as for find_drops.
[[nodiscard]] std::string remedy(const Finding& finding, const Scene& scene);

/// A wrong finding in the table that firewalld makes.
[[nodiscard]] bool is_of_firewalld(const Finding& finding);

}  // namespace weft::nat
