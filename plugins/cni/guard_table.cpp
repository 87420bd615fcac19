/// Builds the guard's table, and reads pods back from its elements.

#include "guard_table.hpp"

#include <net/if.h>  // before the kernel's headers
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/netfilter_bridge.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace weft::cni {
namespace {

using nft::Chain;
using nft::Count;
using nft::Field;
using nft::FieldIs;
using nft::FieldsInSet;
using nft::Goto;
using nft::Jump;
using nft::Rule;
using nft::Statement;
using nft::Verdict;

constexpr std::string_view taken_set = "taken";  // IPv6 addresses that belong to somebody
// Before other programs rewrite anything.
constexpr std::int32_t priority = NF_BR_PRI_NAT_DST_BRIDGED - 10;
// What the log can say of who sends what is dropped.
constexpr std::uint32_t max_offenders = 64;
constexpr std::chrono::minutes offender_time{1};

// Options of neighbour discovery: kind, and length in units of eight octets. Source: RFC 4861
// section 4.6; for the nonce, which Linux sends when it looks for duplicates, RFC 3971
// section 5.3.2.
constexpr std::uint16_t source_mac_option = 0x0101;
constexpr std::uint16_t target_mac_option = 0x0201;
constexpr std::uint16_t nonce_option = 0x0E01;
constexpr std::uint16_t router_solicit_bytes = 8;
constexpr std::uint16_t neighbour_bytes = 24;  // a solicitation, or an advertisement
constexpr std::uint16_t option_bytes = 8;      // those that may be there

template <class T>
Bytes octets_of(T value) {
  Bytes octets(sizeof value);
  store_be(octets.data(), value);
  return octets;
}

FieldIs is_type(std::uint16_t ether_type) {
  return {Field::ether_type, octets_of(ether_type)};
}

FieldIs is_icmp6(std::uint8_t type) {
  return {Field::icmp6_type, octets_of(type)};
}

FieldIs has_payload(std::uint16_t bytes) {
  return {Field::ip6_payload_bytes, octets_of(bytes)};
}

FieldIs is_link_local(Field prefix) {
  return {prefix, octets_of(std::uint16_t{0xFE80}), octets_of(std::uint16_t{0xFFC0})};
}

/// The field has a value that the port's pod may use.
FieldsInSet is_own(Field field, std::string_view set) {
  return {{Field::in_interface, field}, std::string(set)};
}

FieldsInSet is_taken(Field field) {
  return {{field}, std::string(taken_set)};
}

std::string dropping_chain(std::string_view label) {
  return "drop_" + std::string(label);
}

Rule drop(std::string_view label, std::vector<Statement> when = {}) {
  when.emplace_back(Goto{dropping_chain(label)});
  return {std::move(when), {}};
}

Rule rule(std::vector<Statement> statements) {
  return {std::move(statements), {}};
}

Chain chain(std::string name, std::vector<Rule> rules) {
  return {std::move(name), {}, 0, 0, std::move(rules)};
}

/// Remembers the port. In a rule of its own: a full set ends the rule, and the frame is dropped all
/// the same.
Chain drops_for(const GuardReason& reason) {
  return chain(dropping_chain(reason.label),
               {rule({nft::AddToSet{Field::in_interface, std::string(guard_offenders_set)}}),
                {{Count{}, Verdict::drop}, std::string(reason.comment)}});
}

/// A chain that lets pass what one of `allowed` matches.
Chain only(std::string name, std::string_view label, std::vector<std::vector<Statement>> allowed) {
  Chain result = chain(std::move(name), {});
  for (auto& statements : allowed) {
    statements.emplace_back(Verdict::accept);
    result.rules.push_back(rule(std::move(statements)));
  }
  result.rules.push_back(drop(label));
  return result;
}

Chain from_pod() {
  FieldsInSet is_foreign = is_own(Field::ether_source, guard_macs_set);
  is_foreign.is_negated = true;
  return chain("from_pod", {drop("mac", {is_foreign}), drop("vlan", {is_type(ETH_P_8021Q)}),
                            drop("vlan", {is_type(ETH_P_8021AD)}),
                            rule({is_type(ETH_P_ARP), Goto{"from_pod_arp"}}),
                            rule({is_type(ETH_P_IP), Goto{"from_pod_ipv4"}}),
                            rule({is_type(ETH_P_IPV6), Goto{"from_pod_ipv6"}})});
}

Chain from_pod_arp() {
  const Bytes ethernet_and_ipv4{std::byte{0}, std::byte{1}, std::byte{8},
                                std::byte{0}, std::byte{6}, std::byte{4}};
  return only(
      "from_pod_arp", "arp",
      {{FieldIs{Field::arp_form, ethernet_and_ipv4}, is_own(Field::arp_sender_mac, guard_macs_set),
        is_own(Field::arp_sender_address, guard_ipv4_set)}});
}

Chain from_pod_ipv6() {
  return chain("from_pod_ipv6",
               {rule({is_own(Field::ip6_source, guard_ipv6_set), Goto{"neighbours"}}),
                drop("ipv6", {is_link_local(Field::ip6_source_prefix)}),
                drop("ipv6", {is_taken(Field::ip6_source)}), rule({Goto{"neighbours"}})});
}

/// What is no neighbour discovery passes, fragments too: hosts take no fragmented neighbour
/// discovery. Source: RFC 6980; Linux net/ipv6/ndisc.c, ndisc_suppress_frag_ndisc.
Chain neighbours() {
  const FieldIs is_icmp{Field::ip_protocol, octets_of(std::uint8_t{IPPROTO_ICMPV6})};
  return chain("neighbours",
               {rule({is_icmp, is_icmp6(ND_ROUTER_SOLICIT), Goto{"router_solicit"}}),
                rule({is_icmp, is_icmp6(ND_NEIGHBOR_SOLICIT), Goto{"neighbour_solicit"}}),
                rule({is_icmp, is_icmp6(ND_NEIGHBOR_ADVERT), Goto{"neighbour_advert"}}),
                drop("nd", {is_icmp, is_icmp6(ND_ROUTER_ADVERT)}),
                drop("nd", {is_icmp, is_icmp6(ND_REDIRECT)})});
}

Chain router_solicit() {
  return only("router_solicit", "nd",
              {{has_payload(router_solicit_bytes)},
               {has_payload(router_solicit_bytes + option_bytes),
                FieldIs{Field::router_solicit_option, octets_of(source_mac_option)},
                is_own(Field::router_solicit_option_mac, guard_macs_set)}});
}

std::vector<Statement> with_own_mac(std::uint16_t option) {
  return {has_payload(neighbour_bytes + option_bytes),
          FieldIs{Field::neighbour_option, octets_of(option)},
          is_own(Field::neighbour_option_mac, guard_macs_set)};
}

/// Who asks for an address without having one claims it: it looks for duplicates.
Chain neighbour_solicit() {
  const FieldIs has_no_source{Field::ip6_source, Bytes(16)};
  Chain result = only("neighbour_solicit", "nd",
                      {{has_payload(neighbour_bytes)},
                       with_own_mac(source_mac_option),
                       {has_payload(neighbour_bytes + option_bytes),
                        FieldIs{Field::neighbour_option, octets_of(nonce_option)}}});
  result.rules.insert(result.rules.begin(), rule({has_no_source, Jump{"neighbour_target"}}));
  return result;
}

Chain neighbour_advert() {
  Chain result = only("neighbour_advert", "nd",
                      {{has_payload(neighbour_bytes)}, with_own_mac(target_mac_option)});
  result.rules.insert(result.rules.begin(), rule({Jump{"neighbour_target"}}));
  return result;
}

Chain neighbour_target() {
  return chain("neighbour_target",
               {rule({is_own(Field::neighbour_target, guard_ipv6_set), Verdict::return_}),
                drop("nd", {is_link_local(Field::neighbour_target_prefix)}),
                drop("nd", {is_taken(Field::neighbour_target)})});
}

std::string port_of(ByteView key) {
  const std::string_view text = as_text(key.first(IFNAMSIZ));
  return std::string(text.substr(0, text.find('\0')));
}

}  // namespace

net::IpAddress link_local_of(const net::Mac& mac) {
  net::IpAddress address{net::Family::v6, {}};
  auto& octets = address.octets;
  octets[0] = std::byte{0xFE};
  octets[1] = std::byte{0x80};
  octets[8] = mac.octets[0] ^ std::byte{2};
  octets[9] = mac.octets[1];
  octets[10] = mac.octets[2];
  octets[11] = std::byte{0xFF};
  octets[12] = std::byte{0xFE};
  octets[13] = mac.octets[3];
  octets[14] = mac.octets[4];
  octets[15] = mac.octets[5];
  return address;
}

nft::Table guard_table(std::span<const GuardedPod> pods,
                       std::span<const net::IpAddress> bridge_addresses) {
  nft::Set ports{std::string(guard_ports_set), {Field::in_interface}};
  nft::Set macs{std::string(guard_macs_set), {Field::in_interface, Field::ether_source}};
  nft::Set ipv4{std::string(guard_ipv4_set), {Field::in_interface, Field::source_address}};
  nft::Set ipv6{std::string(guard_ipv6_set), {Field::in_interface, Field::ip6_source}};
  nft::Set taken{std::string(taken_set), {Field::ip6_source}};

  const net::IpAddress none_yet;  // of who asks for an address, or probes one
  for (const GuardedPod& pod : pods) {
    const Bytes port = nft::interface_field(pod.port);
    ports.elements.push_back({port});
    macs.elements.push_back({nft::key_of({port, pod.mac.octets})});
    ipv4.elements.push_back({nft::key_of({port, none_yet.bytes()})});
    ipv6.elements.push_back({nft::key_of({port, link_local_of(pod.mac).bytes()})});
    for (const net::IpAddress& address : pod.addresses) {
      auto& set = address.is_v4() ? ipv4 : ipv6;
      set.elements.push_back({nft::key_of({port, address.bytes()})});
      if (!address.is_v4()) {
        taken.elements.push_back({nft::key_of({address.bytes()})});
      }
    }
  }
  for (const net::IpAddress& address : bridge_addresses) {
    taken.elements.push_back({nft::key_of({address.bytes()})});
  }
  nft::normalize(taken.elements);
  taken.elements.erase(std::ranges::unique(taken.elements).begin(), taken.elements.end());

  nft::Set offenders{std::string(guard_offenders_set), {Field::in_interface}};
  offenders.filled_size = max_offenders;
  offenders.filled_time = offender_time;
  const Chain base{
      "prerouting",
      "filter",
      NF_BR_PRE_ROUTING,
      priority,
      {rule({FieldsInSet{{Field::in_interface}, std::string(guard_ports_set)}, Jump{"from_pod"}})}};
  nft::Table table{
      std::string(guard_table_name),
      {std::move(ports), std::move(macs), std::move(ipv4), std::move(ipv6), std::move(taken),
       std::move(offenders)},
      {base, from_pod(), from_pod_arp(),
       only("from_pod_ipv4", "ipv4", {{is_own(Field::source_address, guard_ipv4_set)}}),
       from_pod_ipv6(), neighbours(), router_solicit(), neighbour_solicit(), neighbour_advert(),
       neighbour_target()},
      guard_family};
  for (const GuardReason& reason : guard_reasons) {
    table.chains.push_back(drops_for(reason));
  }
  return table;
}

std::vector<std::string> offenders_from(std::span<const nft::Element> elements) {
  std::vector<std::string> ports;
  for (const nft::Element& element : elements) {
    if (element.first.size() == IFNAMSIZ) {
      ports.push_back(port_of(element.first));
    }
  }
  return ports;
}

std::vector<GuardedPod> pods_from(std::span<const nft::Element> macs,
                                  std::span<const nft::Element> ipv4,
                                  std::span<const nft::Element> ipv6) {
  std::map<std::string, GuardedPod> pods;
  for (const nft::Element& element : macs) {
    if (element.first.size() >= IFNAMSIZ + sizeof(net::Mac)) {
      const std::string port = port_of(element.first);
      pods[port] = {port, net::Mac::load(element.first.data() + IFNAMSIZ), {}};
    }
  }
  const auto add = [&](const Bytes& key, net::Family family, std::size_t bytes) {
    if (key.size() != IFNAMSIZ + bytes) {
      return;
    }
    const auto pod = pods.find(port_of(key));
    net::IpAddress address{family, {}};
    std::copy_n(key.begin() + IFNAMSIZ, bytes, address.octets.begin());
    if (pod != pods.end() && !address.is_unspecified() &&
        address != link_local_of(pod->second.mac)) {
      pod->second.addresses.push_back(address);
    }
  };
  std::ranges::for_each(ipv4,
                        [&](const nft::Element& each) { add(each.first, net::Family::v4, 4); });
  std::ranges::for_each(ipv6,
                        [&](const nft::Element& each) { add(each.first, net::Family::v6, 16); });

  std::vector<GuardedPod> result;
  for (auto& [port, pod] : pods) {
    result.push_back(std::move(pod));
  }
  return result;
}

}  // namespace weft::cni
