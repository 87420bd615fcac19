#pragma once
/// What must also stand at the top of a forward chain of iptables that drops pods' traffic: an
/// accept in our own chain does not end the evaluation of other base chains.

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <weft/nft/table.hpp>

#include "common/firewall/rules.hpp"
#include "traffic.hpp"

namespace weft::nat {

/// Every comment of an accept begins with it.
inline constexpr std::string_view accept_comment = "weft: ";

/// One rule, only of what iptables can express.
struct Accept {
  Traffic traffic;
  std::optional<net::Cidr> network;  ///< of outside_to_pods
  std::string comment;               ///< shown by nft and iptables
  bool operator==(const Accept&) const = default;
};

/// For `traffic`, in the order in which they stand.
[[nodiscard]] std::vector<Accept> accepts_for(const std::set<Traffic>& traffic, const Scene& scene);

/// For nftables, in the form that iptables-nft can read back.
[[nodiscard]] nft::Rule as_nft(const Accept& accept, const std::string& bridge);
/// For iptables: "-i weave -o weave -m comment --comment "weft: ..." -j ACCEPT".
[[nodiscard]] std::string as_iptables(const Accept& accept, const std::string& bridge);
/// For the judge.
[[nodiscard]] firewall::Rule as_rule(const Accept& accept, const std::string& bridge);

/// The chains of iptables that accepts may stand in.
inline constexpr std::array<std::string_view, 2> accepting_chains{"DOCKER-USER", "FORWARD"};

/// Where accepts stand, and which.
struct Placement {
  std::string chain;  ///< "DOCKER-USER", "FORWARD"; empty: nowhere, as none are needed
  std::vector<Accept> accepts;
  bool operator==(const Placement&) const = default;
};

/// What the chain FORWARD of `table` needs to let pods' traffic through that it drops without
/// meaning pods; rules of ours in it do not count. In DOCKER-USER, which Docker leaves to others,
/// where that helps.
[[nodiscard]] Placement place_accepts(firewall::Table table, Scene scene);

}  // namespace weft::nat
