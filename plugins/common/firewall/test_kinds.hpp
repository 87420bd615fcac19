#pragma once
/// For tests only: kinds of packets of pods on the bridge `weave`, in 10.32.0.0/12.

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "judge.hpp"

namespace weft::firewall::testing {

inline constexpr Interval pods_range{0x0A200000, 0x0A2FFFFF};

inline Pods pods() {
  return {"weave", {pods_range}};
}

inline Kind pods_to_outside(std::uint8_t protocol = IPPROTO_TCP) {
  return {"weave",      "eth0",
          {pods_range}, {{0, pods_range.first - 1}, {pods_range.last + 1, UINT32_MAX}},
          protocol,     NF_CT_STATE_BIT(IP_CT_NEW)};
}

inline Kind answers_to_pods(std::uint8_t protocol = IPPROTO_TCP) {
  return {"eth0",       "weave",  {{0, pods_range.first - 1}, {pods_range.last + 1, UINT32_MAX}},
          {pods_range}, protocol, NF_CT_STATE_BIT(IP_CT_ESTABLISHED)};
}

/// What the first base chain of the first table does.
inline std::optional<Drop> judge_first(const std::vector<Table>& tables, const Kind& kind) {
  return judge(tables.at(0), tables.at(0).base_chains.at(0), kind, pods());
}

}  // namespace weft::firewall::testing
