#pragma once
/// The node's nftables rules as values: what they should be, before any byte goes to the kernel.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <weft/net/ip.hpp>

#include "interval.hpp"

namespace weft::nat {

enum class Side : std::uint8_t { source, destination };
enum class Direction : std::uint8_t { in, out };

/// `ip saddr 10.32.0.0/12`, `ip daddr != 10.32.0.0/12`.
struct AddressIn {
  Side side;
  net::Cidr network;
  bool is_negated = false;
  bool operator==(const AddressIn&) const = default;
};

/// `ip daddr @set`.
struct AddressInSet {
  Side side;
  std::string set;
  bool operator==(const AddressInSet&) const = default;
};

/// `iifname "weave"`, `oifname != "weave"`.
struct Interface {
  Direction direction;
  std::string name;
  bool is_negated = false;
  bool operator==(const Interface&) const = default;
};

/// `ct state established,related`.
struct IsReply {
  bool operator==(const IsReply&) const = default;
};

/// The same in the form that iptables-nft can read back (the xtables match `conntrack`), for rules
/// in its tables: it refuses to list a table that holds a native ct expression.
struct IsReplyForIptables {
  bool operator==(const IsReplyForIptables&) const = default;
};

/// `counter`.
struct Count {
  bool operator==(const Count&) const = default;
};

enum class Verdict : std::uint8_t { accept, drop, return_ };

/// `masquerade fully-random`: two connections that race for one source port otherwise lose their
/// first packet, which DNS clients feel as a delay of 5 s.
struct Masquerade {
  bool operator==(const Masquerade&) const = default;
};

using Statement = std::variant<AddressIn, AddressInSet, Interface, IsReply, IsReplyForIptables,
                               Count, Verdict, Masquerade>;

/// Statements are evaluated left to right; the first that does not match ends the rule.
struct Rule {
  std::vector<Statement> statements;
  std::string comment;  ///< shown by `nft list`; at most 127 octets
  bool operator==(const Rule&) const = default;
};

/// A base chain with policy accept.
struct Chain {
  std::string name;
  std::string type;        ///< "filter" or "nat"
  std::uint32_t hook = 0;  ///< NF_INET_FORWARD, NF_INET_POST_ROUTING
  std::int32_t priority = 0;
  std::vector<Rule> rules;
  bool operator==(const Chain&) const = default;
};

/// A set of IPv4 addresses, `flags interval; auto-merge`.
struct Set {
  std::string name;
  std::vector<Interval> elements;  ///< sorted, disjoint, never adjacent
  bool operator==(const Set&) const = default;
};

/// A table of family ip.
struct Table {
  std::string name;
  std::vector<Set> sets;
  std::vector<Chain> chains;
  bool operator==(const Table&) const = default;
};

inline constexpr std::string_view table_name = "weave";
inline constexpr std::string_view local_set = "no_masq_local";
inline constexpr std::string_view exposed_set = "exposed";

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

/// Source: weaveworks/weave net/iptables.go, as one native table. Without translation it has the
/// same sets, so that either provider of weft.nat/1 takes over from the other, but no NAT chain.
[[nodiscard]] Table weave_table(const Intent& intent);

/// What must also stand at the top of another program's forward chain whose policy is drop: an
/// accept in our own chain does not end the evaluation of later base chains. Only what iptables
/// can express. Every comment starts with `foreign_comment`.
[[nodiscard]] std::vector<Rule> foreign_accepts(const Intent& intent);
inline constexpr std::string_view foreign_comment = "weft: ";

}  // namespace weft::nat
