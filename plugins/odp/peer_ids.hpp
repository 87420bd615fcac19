#pragma once
/// Short ids of peers, both ways. Immutable once built: lanes read it.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <weft/events/topology.hpp>
#include <weft/net/peer_name.hpp>

#include "flow.hpp"

namespace weft::odp {

class PeerIds {
 public:
  PeerIds() = default;
  /// When several peers claim one id, the lowest name has it: the others choose anew.
  explicit PeerIds(const Topology& topology);

  /// The zero name when nobody has it.
  [[nodiscard]] PeerName peer(std::uint16_t id) const noexcept { return by_id_[id]; }
  [[nodiscard]] std::optional<std::uint16_t> id(PeerName peer) const noexcept;

  bool operator==(const PeerIds&) const = default;

 private:
  struct Entry {
    PeerName peer{};
    std::uint16_t id = 0;

    bool operator==(const Entry&) const = default;
  };

  std::vector<Entry> by_peer_;  // sorted
  std::array<PeerName, short_ids> by_id_{};
};

}  // namespace weft::odp
