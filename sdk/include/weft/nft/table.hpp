#pragma once
/// A table of nftables as a value: what it should be, before any byte goes to the kernel.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>
#include <weft/nft/field.hpp>
#include <weft/nft/set.hpp>

namespace weft::nft {

/// What packets a table sees: IPv4 ones, IPv6 ones, both, the frames of bridges, or ARP.
enum class Family : std::uint8_t { ip, ip6, inet, bridge, arp };

/// As netfilter numbers it: NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET, NFPROTO_BRIDGE, NFPROTO_ARP.
[[nodiscard]] std::uint8_t number_of(Family family) noexcept;
/// As nft writes it: "ip", "ip6", "inet", "bridge", "arp".
[[nodiscard]] std::string_view to_string(Family family) noexcept;

/// Which table. Views the name.
struct TableName {
  std::string_view name;
  Family family = Family::ip;

  constexpr TableName(std::string_view its_name,  // NOLINT: a name is one
                      Family its_family = Family::ip) noexcept
      : name(its_name), family(its_family) {}
  bool operator==(const TableName&) const = default;
};

/// "ip weave".
[[nodiscard]] std::string to_string(const TableName& table);

enum class Side : std::uint8_t { source, destination };
enum class Direction : std::uint8_t { in, out };

/// `ip saddr 10.32.0.0/12`, `ip6 daddr != fd00::/8`. In a table that sees both versions a statement
/// that settles the version (IsFamily, or FieldIs of the ether type) comes first.
struct AddressIn {
  Side side;
  net::Cidr network;
  bool is_negated = false;
  bool operator==(const AddressIn&) const = default;
};

/// `ip saddr . ip daddr . udp dport @set`, `iifname . ether saddr != @set`.
struct FieldsInSet {
  std::vector<Field> fields;
  std::string set;
  bool is_negated = false;
  bool operator==(const FieldsInSet&) const = default;
};

/// `ether type arp`, `icmpv6 type != 134`, `@th,64,16 & 0xffc0 == 0xfe80`.
struct FieldIs {
  Field field;
  Bytes value;      ///< in network order, as long as the field
  Bytes mask = {};  ///< which bits count; empty: all
  bool operator==(const FieldIs&) const = default;
};

/// `add @set { iifname timeout 1m }`. A rule whose set is full ends here.
struct AddToSet {
  Field field;
  std::string set;
  bool operator==(const AddToSet&) const = default;
};

/// `meta nfproto ipv6`, in a table of family inet.
struct IsFamily {
  net::Family family;
  bool operator==(const IsFamily&) const = default;
};

/// `meta l4proto udp`.
struct Protocol {
  std::uint8_t number = 0;
  bool operator==(const Protocol&) const = default;
};

/// `iifname "weave"`, `oifname != "weave"`, `iifname "vethwepl*"`.
struct Interface {
  Direction direction;
  std::string name;
  bool is_negated = false;
  bool is_prefix = false;  ///< of the interfaces' names
  bool operator==(const Interface&) const = default;
};

/// `ct state established,related`.
struct IsReply {
  bool operator==(const IsReply&) const = default;
};

/// `ct status dnat`: another destination was put in its place.
struct IsDestinationTranslated {
  bool operator==(const IsDestinationTranslated&) const = default;
};

/// IsReply in the form that iptables-nft can read back (the xtables match `conntrack`), for rules
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

/// `iifname . ip saddr vmap @map`: what the map says of the key; a key that it lacks ends the rule.
struct VerdictOf {
  std::vector<Field> fields;
  std::string map;
  bool operator==(const VerdictOf&) const = default;
};

/// `masquerade fully-random`: two connections that race for one source port otherwise lose their
/// first packet, which DNS clients feel as a delay of 5 s.
struct Masquerade {
  bool operator==(const Masquerade&) const = default;
};

using Statement =
    std::variant<AddressIn, FieldsInSet, FieldIs, AddToSet, IsFamily, Protocol, Interface, IsReply,
                 IsReplyForIptables, IsDestinationTranslated, LacksMark, SetMark, IsWithoutIpsec,
                 Count, Verdict, Jump, Goto, VerdictOf, Masquerade>;

/// Statements are evaluated left to right; the first that does not match ends the rule.
struct Rule {
  std::vector<Statement> statements;
  std::string comment;  ///< shown by `nft list`; at most 127 octets
  bool operator==(const Rule&) const = default;
};

/// A base chain with policy accept, or, without a type, one that rules jump to.
struct Chain {
  std::string name;
  std::string type;        ///< "filter", "nat" or "route"; empty: no base chain
  std::uint32_t hook = 0;  ///< NF_INET_FORWARD, NF_INET_POST_ROUTING
  std::int32_t priority = 0;
  std::vector<Rule> rules;
  bool operator==(const Chain&) const = default;
};

struct Table {
  std::string name;
  std::vector<Set> sets;
  std::vector<Chain> chains;
  Family family = Family::ip;

  [[nodiscard]] TableName full_name() const noexcept { return {name, family}; }
  bool operator==(const Table&) const = default;
};

}  // namespace weft::nft
