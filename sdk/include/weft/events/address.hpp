#pragma once
/// Which address ranges belong to this node.

#include <string>
#include <string_view>
#include <vector>

#include <weft/json.hpp>
#include <weft/net/ip.hpp>

namespace weft::events {

/// The ranges of the address ring that this node owns, as the fewest prefixes.
///
/// Published by: weft.ipam/2. Kind: state with one key.
struct LocalRangesChanged {
  static constexpr std::string_view topic = "weft.ipam.local-ranges/1";

  std::vector<net::Cidr> ranges;  ///< sorted, disjoint

  [[nodiscard]] int key() const { return 0; }
  [[nodiscard]] std::string text() const {
    std::string list;
    for (const net::Cidr& range : ranges) {
      list += (list.empty() ? "" : ", ") + to_string(range);
    }
    return list.empty() ? "none" : list;
  }
  [[nodiscard]] std::string json() const {
    return JsonObject().json("ranges", json_texts(ranges)).take();
  }
};

}  // namespace weft::events
