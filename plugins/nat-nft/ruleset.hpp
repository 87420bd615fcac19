#pragma once
/// The node's NAT and forwarding rules as values, for a set of exposed networks.

#include <linux/netfilter.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/nft/interval.hpp>
#include <weft/nft/table.hpp>

namespace weft::nat {

using nft::AddressIn;
using nft::Chain;
using nft::Count;
using nft::Direction;
using nft::FieldsInSet;
using nft::Interface;
using nft::Interval;
using nft::IsDestinationTranslated;
using nft::IsReply;
using nft::Masquerade;
using nft::merge;
using nft::Rule;
using nft::Set;
using nft::Side;
using nft::Statement;
using nft::Table;
using nft::Verdict;

inline constexpr std::string_view table_name = "weave";
inline constexpr std::string_view local_set = "no_masq_local";
inline constexpr std::string_view exposed_set = "exposed";

/// A chain of ours that only counts, before or after all others of its hook.
struct CountingChain {
  std::string_view name;
  std::uint32_t hook = 0;
  bool is_first = false;
};
inline constexpr std::array<CountingChain, 8> counting_chains{
    {{"prerouting_first", NF_INET_PRE_ROUTING, true},
     {"input_first", NF_INET_LOCAL_IN, true},
     {"forward_first", NF_INET_FORWARD, true},
     {"output_first", NF_INET_LOCAL_OUT, true},
     {"input_last", NF_INET_LOCAL_IN, false},
     {"forward_last", NF_INET_FORWARD, false},
     {"output_last", NF_INET_LOCAL_OUT, false},
     {"postrouting_last", NF_INET_POST_ROUTING, false}}};

/// What they count: the comments of their rules.
namespace counted {
inline constexpr std::string_view pods_to_pods = "pods to pods";
inline constexpr std::string_view pods_to_outside = "pods to the outside";
inline constexpr std::string_view translated_to_pods = "translated to pods";
inline constexpr std::string_view answers_to_pods = "answers to pods";
inline constexpr std::string_view answers_to_node = "answers to this node";
inline constexpr std::string_view to_pods = "to pods";
}  // namespace counted

/// Whether traffic between exposed networks and the world gets the node's address.
enum class Translation : std::uint8_t { masquerade, none };

/// What the node wants translated and let through.
struct Intent {
  std::string bridge = "weave";
  std::vector<net::Cidr> exposed;       ///< networks, sorted
  std::vector<net::Cidr> local_ranges;  ///< whose pods run here
  Translation translation = Translation::masquerade;
  bool operator==(const Intent&) const = default;
};

/// A set of destinations in the table.
[[nodiscard]] Set destination_set(std::string_view name, const std::vector<Interval>& addresses);

/// Source: weaveworks/weave net/iptables.go, as one native table. Without translation it has the
/// same sets, so that either provider of weft.nat/1 takes over from the other, but no NAT chain.
[[nodiscard]] Table weave_table(const Intent& intent);

}  // namespace weft::nat
