#pragma once
/// How the first ring comes about, as the operator writes it.

#include <cstddef>
#include <string_view>
#include <vector>

#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

namespace weft::ipam {

/// Source: weaveworks/weave prog/weaver/main.go, flag ipalloc-init.
struct InitMode {
  enum class Kind {
    consensus,  ///< peers vote; `peers` tells the size of the cluster, 0 when it is to be guessed
    seed,       ///< the ring is divided among `seeds`
    observer    ///< never vote; get the ring from others
  };
  Kind kind = Kind::consensus;
  std::size_t peers = 0;
  std::vector<PeerName> seeds;  ///< sorted, without repetition
};

/// "consensus", "consensus=N", "seed=NAME,NAME,...", "observer". Errors: Errc::invalid.
[[nodiscard]] Result<InitMode> parse_init_mode(std::string_view text);

/// Sorted, each once: the order in which every peer divides the ring.
[[nodiscard]] std::vector<PeerName> in_ring_order(std::vector<PeerName> peers);

}  // namespace weft::ipam
