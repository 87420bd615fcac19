#pragma once
/// The rules of any packet filter as values, as far as they can be told for a kind of packet.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <weft/nft/interval.hpp>
#include <weft/nft/table.hpp>

namespace weft::firewall {

using nft::Direction;
using nft::Interval;
using nft::Side;

/// The packet comes in by, or goes out by, an interface with one of these names. "veth*" is every
/// name that begins so.
struct InterfaceAmong {
  Direction direction;
  std::vector<std::string> names;
  bool is_negated = false;
  bool is_bridge = false;  ///< the bridge whose port the interface is
  bool operator==(const InterfaceAmong&) const = default;
};

/// One of its IPv4 addresses is among these. Sorted, disjoint.
struct AddressAmong {
  Side side;
  std::vector<Interval> addresses;
  bool is_negated = false;
  bool operator==(const AddressAmong&) const = default;
};

/// IPPROTO_TCP, ...
struct ProtocolAmong {
  std::vector<std::uint8_t> numbers;
  bool is_negated = false;
  bool operator==(const ProtocolAmong&) const = default;
};

/// What connection tracking says. Source: Linux nf_conntrack_common.h, NF_CT_STATE_BIT.
struct StateAmong {
  std::uint32_t states = 0;
  bool is_negated = false;
  bool operator==(const StateAmong&) const = default;
};

/// A condition whose answer is the same for every packet of pods, such as `meta nfproto ipv6`.
struct Always {
  bool matches = true;
  bool operator==(const Always&) const = default;
};

/// A condition on what kinds of packets do not tell: ports, limits, sets of marks.
struct Special {
  bool operator==(const Special&) const = default;
};

using Condition =
    std::variant<InterfaceAmong, AddressAmong, ProtocolAmong, StateAmong, Always, Special>;

enum class Verdict : std::uint8_t { none, accept, drop, reject, return_, jump, goto_ };

/// Whether the target of iptables so named ends a NAT chain with a translation.
[[nodiscard]] constexpr bool translates(std::string_view target) {
  return target == "DNAT" || target == "SNAT" || target == "MASQUERADE" || target == "REDIRECT" ||
         target == "NETMAP";
}

/// What happens to a packet that meets all conditions.
struct Rule {
  std::vector<Condition> conditions;
  Verdict verdict = Verdict::none;
  std::string target = {};  ///< the chain of jump and goto_
  std::string place = {};   ///< for people: "handle 7", "rule 3"
  std::string comment = {};
  bool operator==(const Rule&) const = default;
};

/// Where the kernel enters. A packet passes when every base chain that it meets accepts it.
struct BaseChain {
  std::string name;
  /// NF_INET_FORWARD, ...; of a bridge's frames NF_BR_FORWARD; of ARP NF_INET_LOCAL_IN or _OUT.
  std::uint32_t hook = 0;
  std::int32_t priority = 0;
  bool drops_by_policy = false;
  bool is_nat = false;  ///< of type nat: it sees the first packet of a connection alone
  bool operator==(const BaseChain&) const = default;
};

/// One table with the chains that its base chains can reach.
struct Table {
  std::string name;            ///< as its tool shows it: "inet firewalld", "iptables-legacy filter"
  bool is_of_bridges = false;  ///< it sees frames, not routed packets
  std::vector<BaseChain> base_chains;
  std::map<std::string, std::vector<Rule>> chains;  ///< by name; base chains too
  bool operator==(const Table&) const = default;
};

}  // namespace weft::firewall
