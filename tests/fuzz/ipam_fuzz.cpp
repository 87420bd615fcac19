/// Any octets as an address message: what is understood must survive encoding and never break a
/// ring.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>

#include "ipam/codec.hpp"

namespace {

constexpr weft::ipam::AddressRange universe{0x0A200000, 0x0A300000};
constexpr weft::PeerName self{0x020000000001};

void check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void merge(const weft::ipam::RingState& received) {
  weft::ipam::Ring ring(universe, self);
  ring.divide({self, weft::PeerName{0x020000000002}});
  for (const bool lets_go : {true, false}) {
    weft::ipam::MergeTerms terms;
    terms.lets_go = [lets_go](auto, auto) { return lets_go; };
    static_cast<void>(ring.merge(received, std::move(terms)));
    check(ring.state().check().has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto octets = std::as_bytes(std::span{data, size});
  if (const auto state = weft::ipam::decode_gossip(octets)) {
    const auto again = weft::ipam::decode_gossip(weft::ipam::encode_gossip(*state, self));
    check(again && again->nicknames == state->nicknames && again->paxos == state->paxos &&
          again->ring == state->ring);
    if (state->ring) {
      merge(*state->ring);
    }
  }
  static_cast<void>(weft::ipam::decode_range(octets));
  static_cast<void>(weft::ipam::decode_stored_name(octets));
  static_cast<void>(weft::ipam::decode_stored_ring(octets));
  static_cast<void>(weft::ipam::decode_stored_holdings(octets));
  return 0;
}
