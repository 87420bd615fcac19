#pragma once
/// Which of two claims about a peer to believe. Anybody may claim anything about anybody; the rules
/// here make the peer itself win in the end. Pure.
/// Why they do: docs/decisions/2026-11-30-a-peer-outbids-every-claim-about-itself.md.
/// Source: weaveworks/mesh peers.go, applyDecodedUpdate, for versions that are counted.

#include <cstdint>

#include <weft/events/topology.hpp>
#include <weft/net/peer_name.hpp>

namespace weft::gossip {

/// Versions up to here are compared as Weave Net does: the greater one wins. No peer counts so far.
inline constexpr std::uint64_t max_counted_version = std::uint64_t{1} << 61U;
/// Claims beyond are refused. Between the two, who tells decides and not the number.
inline constexpr std::uint64_t max_version = std::uint64_t{1} << 62U;

/// How near a neighbour that makes a claim is to the peer that the claim is about.
enum class Standing : std::uint8_t {
  itself,     ///< it is that peer, and always tells its newest entry
  nearest,    ///< it is that peer, or the next hop on our route to it
  hearsay,    ///< any other neighbour
  overruled,  ///< any other neighbour, about a peer that tells us itself
};

enum class Verdict : std::uint8_t {
  take,            ///< it replaces what we know
  keep,            ///< it is no news
  beyond_ceiling,  ///< refused: a version that nobody can outbid
  not_first_hand,  ///< refused: the peer itself tells us otherwise
  not_nearest,     ///< refused: an uncounted version, from somebody who need not know
};

/// Whether versions alone decide between the two.
[[nodiscard]] constexpr bool is_counted(std::uint64_t version) noexcept {
  return version <= max_counted_version;
}

/// `known`: null when the peer is new to us.
[[nodiscard]] Verdict judge(const Topology::Peer* known, const Topology::Peer& claim,
                            Standing standing) noexcept;

/// Whether `claim`, which is about us, may be believed by somebody in place of what we say.
[[nodiscard]] bool is_rival(const Topology::Peer& self, const Topology::Peer& claim) noexcept;

/// The version with which we answer a rival claim, or tell of a change: above `version`, and never
/// beyond the ceiling. There it falls back to the first uncounted version, which is believed from
/// us whatever came before.
[[nodiscard]] constexpr std::uint64_t version_after(std::uint64_t version) noexcept {
  return version >= max_version ? max_counted_version + 1 : version + 1;
}

}  // namespace weft::gossip
