/// Any octets as a peer's announcement of a key; one that is accepted is written as it was read,
/// but for the octets that carry nothing.

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/result.hpp>

#include "common/fastdp/ipsec/keys.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::ipsec;
  const auto offer = decode_offer(std::as_bytes(std::span{data, size}));
  if (!offer) {
    return 0;
  }
  const weft::Bytes written = encode(*offer);
  WEFT_CHECK(written.size() == size, "offers have one length");
  WEFT_CHECK(decode_offer(written) == *offer, "an offer is read as it was written");
  return 0;
}
