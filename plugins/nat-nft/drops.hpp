#pragma once
/// What other programs' packet filters do to the traffic of pods.

#include <optional>
#include <set>
#include <string>
#include <string_view>
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
  /// Of the pods that it is about: disjoint. Empty: all.
  std::vector<firewall::Interval> addresses = {};

  /// Nobody meant pods, and they need this traffic.
  [[nodiscard]] bool is_wrong() const;
  bool operator==(const Finding&) const = default;
};

/// What one base chain drops of all pods' traffic, kind by kind.
struct Dropped {
  Traffic traffic;
  std::uint8_t protocol = 0;
  firewall::Drop drop;
};
[[nodiscard]] std::vector<Dropped> drops_of(const firewall::Table& table,
                                            const firewall::BaseChain& base, const Scene& scene);

/// In all base chains of all tables that pods' packets meet.
[[nodiscard]] std::vector<Finding> find_drops(const std::vector<firewall::Table>& tables,
                                              const Scene& scene);

/// "the policy of 'inet filter forward' drops what pods send to the outside".
[[nodiscard]] std::string describe(const Finding& finding);

/// Whether the table so named sees IP packets, not frames or ARP.
[[nodiscard]] bool sees_packets(std::string_view table);

}  // namespace weft::nat
