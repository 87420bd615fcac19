#pragma once
/// What a packet filter does with a kind of packet.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules.hpp"

namespace weft::firewall {

/// Packets that are alike to most rules. What is not set differs among them.
struct Kind {
  std::optional<std::string> in;  ///< interface; not set: any but the pods' bridge
  std::optional<std::string> out;
  std::vector<Interval> sources;  ///< empty: any; else sorted, disjoint
  std::vector<Interval> destinations;
  std::uint8_t protocol = 0;
  std::uint32_t state = 0;  ///< one bit of NF_CT_STATE_BIT
};

/// What tells rules about pods from rules about the host.
struct Pods {
  std::string bridge;
  std::vector<Interval> networks;
};

/// A packet filter does not let a kind of packet pass.
struct Drop {
  std::string chain;    ///< that decides
  std::string place;    ///< of the rule in it; empty: the base chain's policy
  std::string comment;  ///< of the rule
  bool is_reject = false;
  /// The rule, or an earlier one that accepts some of these packets, names pods: somebody wrote it
  /// for them.
  bool is_about_pods = false;
  bool operator==(const Drop&) const = default;
};

/// Empty when `chain` of `table` lets packets of `kind` pass. Rules with conditions that `kind`
/// does not answer are passed over: they are for special packets.
[[nodiscard]] std::optional<Drop> judge(const Table& table, const BaseChain& chain,
                                        const Kind& kind, const Pods& pods);

}  // namespace weft::firewall
