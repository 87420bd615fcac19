#pragma once
/// A table of nftables as a value: what it should be, before any byte goes to the kernel.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <weft/bytes.hpp>
#include <weft/net/ip.hpp>

#include "interval.hpp"

namespace weft::nft {

/// What packets a table sees: IPv4 ones, IP ones of both versions, or the frames of bridges.
enum class Family : std::uint8_t { ip, inet, bridge };

/// As netfilter numbers it: NFPROTO_IPV4, NFPROTO_INET, NFPROTO_BRIDGE.
[[nodiscard]] std::uint8_t number_of(Family family) noexcept;
/// As nft writes it: "ip", "inet", "bridge".
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

/// A part of a packet's headers, or what the kernel knows of the packet. A rule whose packet is too
/// short for a field does not match.
enum class Field : std::uint8_t {
  source_address,            ///< ip saddr
  destination_address,       ///< ip daddr
  udp_destination_port,      ///< udp dport; only after `Protocol`
  in_interface,              ///< iifname: of a frame on a bridge, the port it came by
  ether_type,                ///< meta protocol: behind a first VLAN tag
  ip_protocol,               ///< meta l4proto: behind extension headers
  destination_port,          ///< th dport: of TCP, UDP and others that have it there
  ether_source,              ///< ether saddr
  arp_form,                  ///< the kinds and lengths of an ARP packet's addresses
  arp_sender_mac,            ///< arp saddr ether
  arp_sender_address,        ///< arp saddr ip
  ip6_source,                ///< ip6 saddr
  ip6_source_prefix,         ///< its first 16 bits
  ip6_destination,           ///< ip6 daddr
  ip6_payload_bytes,         ///< ip6 length
  icmp6_type,                ///< icmpv6 type
  neighbour_target,          ///< of a neighbour solicitation or advertisement
  neighbour_target_prefix,   ///< its first 16 bits
  neighbour_option,          ///< kind and length of its first option
  neighbour_option_mac,      ///< the MAC in that
  router_solicit_option,     ///< kind and length of a router solicitation's first option
  router_solicit_option_mac  ///< the MAC in that
};

/// How many octets a field has, without the padding it gets in a set.
[[nodiscard]] std::size_t bytes_of(Field field) noexcept;

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

/// `jump chain`: goes on with the next rule when that chain has no verdict.
struct Jump {
  std::string chain;
  bool operator==(const Jump&) const = default;
};

/// `goto chain`: the end of that chain is the end of this one.
struct Goto {
  std::string chain;
  bool operator==(const Goto&) const = default;
};

/// `masquerade fully-random`: two connections that race for one source port otherwise lose their
/// first packet, which DNS clients feel as a delay of 5 s.
struct Masquerade {
  bool operator==(const Masquerade&) const = default;
};

using Statement = std::variant<AddressIn, AddressInSet, FieldsInSet, FieldIs, AddToSet, IsFamily,
                               Protocol, Interface, IsReply, IsReplyForIptables, LacksMark, SetMark,
                               IsWithoutIpsec, Count, Verdict, Jump, Goto, Masquerade>;

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
  std::vector<Bytes> elements;  ///< as element_of makes them
  /// Rules fill it (AddToSet) instead: how many elements at most, and how long each stays.
  std::uint32_t filled_size = 0;
  std::chrono::milliseconds filled_time{0};
  bool operator==(const FieldSet&) const = default;
};

/// An element of a FieldSet: the fields in network order, each padded with zeros to a multiple of
/// four octets.
[[nodiscard]] Bytes element_of(std::initializer_list<ByteView> fields);
/// An interface's name as `Field::in_interface` has it.
[[nodiscard]] Bytes interface_field(std::string_view name);

struct Table {
  std::string name;
  std::vector<Set> sets;  ///< only in a table of family ip
  std::vector<FieldSet> field_sets;
  std::vector<Chain> chains;
  Family family = Family::ip;

  [[nodiscard]] TableName full_name() const noexcept { return {name, family}; }
  bool operator==(const Table&) const = default;
};

}  // namespace weft::nft
