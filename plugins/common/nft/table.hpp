#pragma once
/// A table of nftables as a value: what it should be, before any byte goes to the kernel.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>

#include "interval.hpp"

namespace weft::nft {

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

/// A part of a packet's headers.
enum class Field : std::uint8_t { source_address, destination_address, udp_destination_port };

/// `ip saddr . ip daddr . udp dport @set`. Ports only after `Protocol`.
struct FieldsInSet {
  std::vector<Field> fields;
  std::string set;
  bool operator==(const FieldsInSet&) const = default;
};

/// `meta l4proto udp`.
struct Protocol {
  std::uint8_t number = 0;
  bool operator==(const Protocol&) const = default;
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

/// `meta mark & 0x20000 == 0`.
struct LacksMark {
  std::uint32_t bits = 0;
  bool operator==(const LacksMark&) const = default;
};

/// `meta mark set meta mark | 0x20000`.
struct SetMark {
  std::uint32_t bits = 0;
  bool operator==(const SetMark&) const = default;
};

/// Came without IPsec (`meta ipsec missing`), or will leave without it (`rt ipsec missing`).
struct IsWithoutIpsec {
  Direction direction;
  bool operator==(const IsWithoutIpsec&) const = default;
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

using Statement = std::variant<AddressIn, AddressInSet, FieldsInSet, Protocol, Interface, IsReply,
                               IsReplyForIptables, LacksMark, SetMark, IsWithoutIpsec, Count,
                               Verdict, Masquerade>;

/// Statements are evaluated left to right; the first that does not match ends the rule.
struct Rule {
  std::vector<Statement> statements;
  std::string comment;  ///< shown by `nft list`; at most 127 octets
  bool operator==(const Rule&) const = default;
};

/// A base chain with policy accept.
struct Chain {
  std::string name;
  std::string type;        ///< "filter", "nat" or "route"
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

/// A set of combinations of header fields, `type ipv4_addr . ipv4_addr . inet_service`.
struct FieldSet {
  std::string name;
  std::vector<Field> fields;
  /// Each: the fields in network order, each padded with zeros to a multiple of four octets.
  std::vector<Bytes> elements;
  bool operator==(const FieldSet&) const = default;
};

/// A table of family ip.
struct Table {
  std::string name;
  std::vector<Set> sets;
  std::vector<FieldSet> field_sets;
  std::vector<Chain> chains;
  bool operator==(const Table&) const = default;
};

}  // namespace weft::nft
