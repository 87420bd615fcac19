#pragma once
/// What the registers of nftables hold while a rule runs, and what it compares them with.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/bytes.hpp>

#include "rules.hpp"

namespace weft::firewall {

/// An element of a set, or of a map of verdicts.
struct Element {
  Bytes key;                   ///< empty: everything that no other element has
  bool ends_interval = false;  ///< the first address after one
  Verdict verdict = Verdict::none;
  std::string target = {};
};

/// The name of the interface with an index; empty when there is none.
using Interfaces = std::function<std::string(int index)>;

/// What a register holds.
enum class Held : std::uint8_t {
  special,
  in_name,
  out_name,
  in_index,
  out_index,
  in_bridge,
  out_bridge,
  source,
  destination,
  protocol,
  family,
  ether_type,
  state,
  status,
  mark
};

struct Value {
  Held held = Held::special;
  std::uint32_t bytes = 0;
  Bytes mask = {};  ///< empty: all bits count
};

/// `key`: NFT_META_IIFNAME, ...
[[nodiscard]] Value loaded_by_meta(std::uint32_t key);
/// `base`: NFT_PAYLOAD_NETWORK_HEADER, ...; `is_arp`: that is the header of ARP, else of IPv4.
[[nodiscard]] Value loaded_from_payload(std::uint32_t base, std::uint32_t offset,
                                        std::uint32_t bytes, bool is_arp);

/// Of the addresses in whole, not of some of their bits.
[[nodiscard]] bool is_address(const Value& value);
/// Of an address.
[[nodiscard]] Side side_of(const Value& value);

/// That the value is `with`.
[[nodiscard]] Condition compared(const Value& value, const Bytes& with, bool is_negated,
                                 const Interfaces& interfaces);
/// That it is one of `elements`, whose keys are as long as it is.
[[nodiscard]] Condition among(const Value& value, const std::vector<Element>& elements,
                              bool is_negated, const Interfaces& interfaces);

}  // namespace weft::firewall
