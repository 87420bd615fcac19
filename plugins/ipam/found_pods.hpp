#pragma once
/// Addresses that pods have although IPAM does not know of them: its state was lost, or is old.

#include <cstddef>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/net/ip.hpp>
#include <weft/service/bridge.hpp>

#include "allocator.hpp"

namespace weft::ipam {

/// The pods' addresses inside `universe`.
[[nodiscard]] std::vector<net::Cidr> addresses_in(const net::Cidr& universe,
                                                  const std::vector<BridgePod>& pods);

/// Claims what pods have, for whoever has it; an address whose holder is not known is filed under
/// itself. On the plugin's loop. Outlives the allocator's answers.
class FoundPods {
 public:
  explicit FoundPods(Log& log) : log_(log) {}

  /// Before the first allocation. Passes over what IPAM holds already. `subnet` is where the
  /// addresses are from whose prefix length is not known.
  void claim(Allocator& allocator, const net::Cidr& universe, const net::Cidr& subnet,
             const std::vector<BridgePod>& pods);

  /// What an operator should know, one sentence each.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  void claim_one(Allocator& allocator, const BridgePod& pod, net::Cidr address);

  Log& log_;
  std::size_t waiting_ = 0;
  std::vector<std::string> refused_;
  std::vector<std::string> unseen_;  // ports
};

}  // namespace weft::ipam
