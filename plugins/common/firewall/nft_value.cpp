/// Tells what a value of a register is compared with, as a condition on packets.

#include "nft_value.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ethernet.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace weft::firewall {
namespace {

/// Where a header has its addresses.
struct AddressesAt {
  std::uint32_t source;
  std::uint32_t destination;
};
constexpr AddressesAt of_ipv4{12, 16};  // Source: RFC 791.
constexpr AddressesAt of_arp{14, 24};   // Between IPv4 addresses on Ethernet. Source: RFC 826.
constexpr std::uint32_t protocol_at = 9;

/// The addresses whose first octets, as far as `mask` counts them, are `octets`.
std::optional<Interval> interval_of(ByteView octets, ByteView mask) {
  std::uint32_t value = 0;
  std::uint32_t counted = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const bool is_there = i < octets.size();
    const auto bits = !is_there         ? 0U
                      : mask.empty()    ? 0xFFU
                      : i < mask.size() ? std::to_integer<unsigned>(mask[i])
                                        : 0U;
    value = value << 8U | (is_there ? std::to_integer<unsigned>(octets[i]) & bits : 0U);
    counted = counted << 8U | bits;
  }
  const std::uint32_t open = ~counted;
  if ((open & (open + 1)) != 0) {
    return std::nullopt;  // no prefix
  }
  return Interval{value, value | open};
}

template <class T>
T native(ByteView octets) {
  T value{};
  std::memcpy(&value, octets.data(), std::min(sizeof value, octets.size()));
  return value;
}

std::vector<Interval> intervals_of(const std::vector<Element>& elements) {
  std::vector<std::pair<std::uint32_t, bool>> bounds;
  for (const Element& element : elements) {
    bounds.emplace_back(load_be<std::uint32_t>(element.key.data()), element.ends_interval);
  }
  std::ranges::sort(bounds, [](const auto& a, const auto& b) {
    return std::pair{a.first, !a.second} < std::pair{b.first, !b.second};  // ends before starts
  });
  const bool has_intervals =
      std::ranges::any_of(bounds, [](const auto& bound) { return bound.second; });
  std::vector<Interval> intervals;
  for (const auto& [address, ends] : bounds) {
    if (!ends) {
      intervals.push_back({address, has_intervals ? UINT32_MAX : address});
    } else if (!intervals.empty()) {
      intervals.back().last = address - 1;
    }
  }
  return intervals;
}

Direction direction_of(Held held) {
  return held == Held::in_name || held == Held::in_index || held == Held::in_bridge
             ? Direction::in
             : Direction::out;
}

bool is_bridge(Held held) {
  return held == Held::in_bridge || held == Held::out_bridge;
}

/// As InterfaceAmong has it. Octets without a final zero are the beginning of a name.
std::string interface_in(Held held, const Bytes& octets, const Interfaces& interfaces) {
  if (held == Held::in_index || held == Held::out_index) {
    return interfaces(native<int>(octets));
  }
  const std::string_view text = as_text(octets);
  const auto end = text.find('\0');
  return std::string(text.substr(0, end)) + (end == text.npos ? "*" : "");
}

Condition compared_state(const Value& value, const Bytes& with, bool is_negated) {
  const auto number = native<std::uint32_t>(with);
  if (value.mask.empty()) {
    return StateAmong{number, is_negated};
  }
  const auto mask = native<std::uint32_t>(value.mask);
  if (number == 0) {  // none of them, or not none
    return StateAmong{mask, !is_negated};
  }
  return StateAmong{mask & number, is_negated};
}

}  // namespace

Value loaded_by_meta(std::uint32_t key) {
  switch (key) {
    case NFT_META_IIFNAME:
      return {Held::in_name, IFNAMSIZ};
    case NFT_META_OIFNAME:
      return {Held::out_name, IFNAMSIZ};
    case NFT_META_IIF:
      return {Held::in_index, 4};
    case NFT_META_OIF:
      return {Held::out_index, 4};
    case NFT_META_BRI_IIFNAME:
      return {Held::in_bridge, IFNAMSIZ};
    case NFT_META_BRI_OIFNAME:
      return {Held::out_bridge, IFNAMSIZ};
    case NFT_META_L4PROTO:
      return {Held::protocol, 1};
    case NFT_META_NFPROTO:
      return {Held::family, 1};
    case NFT_META_PROTOCOL:
      return {Held::ether_type, 2};
    case NFT_META_MARK:
      return {Held::mark, 4};
    default:
      return {};
  }
}

Value loaded_from_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t bytes,
                          bool is_arp) {
  if (base != NFT_PAYLOAD_NETWORK_HEADER) {
    return {};
  }
  if (!is_arp && offset == protocol_at && bytes == 1) {
    return {Held::protocol, 1};
  }
  const AddressesAt at = is_arp ? of_arp : of_ipv4;
  // A prefix of whole octets is compared without a mask.
  if ((offset == at.source || offset == at.destination) && bytes <= 4) {
    return {offset == at.source ? Held::source : Held::destination, bytes};
  }
  return {};
}

bool is_address(const Value& value) {
  return (value.held == Held::source || value.held == Held::destination) && value.mask.empty();
}

Side side_of(const Value& value) {
  return value.held == Held::source ? Side::source : Side::destination;
}

Condition compared(const Value& value, const Bytes& with, bool is_negated,
                   const Interfaces& interfaces) {
  switch (value.held) {
    case Held::in_name:
    case Held::out_name:
    case Held::in_index:
    case Held::out_index:
    case Held::in_bridge:
    case Held::out_bridge:
      return value.mask.empty()
                 ? Condition{InterfaceAmong{direction_of(value.held),
                                            {interface_in(value.held, with, interfaces)},
                                            is_negated}}
                 : Condition{Special{}};
    case Held::source:
    case Held::destination: {
      const auto interval = interval_of(with, value.mask);
      return interval ? Condition{AddressAmong{side_of(value), {*interval}, is_negated}}
                      : Condition{Special{}};
    }
    case Held::protocol:
      return value.mask.empty() ? Condition{ProtocolAmong{{native<std::uint8_t>(with)}, is_negated}}
                                : Condition{Special{}};
    case Held::family:
      return Always{(native<std::uint8_t>(with) == NFPROTO_IPV4) != is_negated};
    case Held::ether_type:
      return Always{(native<std::uint16_t>(with) == htons(ETHERTYPE_IP)) != is_negated};
    case Held::state:
      return compared_state(value, with, is_negated);
    case Held::status:  // pods' packets in general are not translated
    case Held::mark:    // or marked
      return Always{(native<std::uint32_t>(with) == 0) != is_negated};
    case Held::special:
      break;
  }
  return Special{};
}

Condition among(const Value& value, const std::vector<Element>& elements, bool is_negated,
                const Interfaces& interfaces) {
  const bool has_all =
      std::ranges::any_of(elements, [](const Element& element) { return element.key.empty(); });
  if (elements.empty() || has_all) {
    return Always{has_all != is_negated};
  }
  switch (value.held) {
    case Held::in_name:
    case Held::out_name:
    case Held::in_index:
    case Held::out_index:
    case Held::in_bridge:
    case Held::out_bridge: {
      InterfaceAmong condition{direction_of(value.held), {}, is_negated, is_bridge(value.held)};
      for (const Element& element : elements) {
        condition.names.push_back(interface_in(value.held, element.key, interfaces));
      }
      return condition;
    }
    case Held::source:
    case Held::destination:
      return value.bytes == 4
                 ? Condition{AddressAmong{side_of(value), intervals_of(elements), is_negated}}
                 : Condition{Special{}};
    case Held::protocol: {
      ProtocolAmong condition{{}, is_negated};
      for (const Element& element : elements) {
        condition.numbers.push_back(native<std::uint8_t>(element.key));
      }
      return condition;
    }
    case Held::state: {
      StateAmong condition{0, is_negated};
      for (const Element& element : elements) {
        condition.states |= native<std::uint32_t>(element.key);
      }
      return condition;
    }
    default:
      return elements.size() == 1 ? compared(value, elements.front().key, is_negated, interfaces)
                                  : Condition{Special{}};
  }
}

}  // namespace weft::firewall
