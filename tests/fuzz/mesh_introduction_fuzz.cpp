/// Any octets as what a peer sends first, in both versions, and as the frames that follow.

#include <cstddef>
#include <cstdint>

#include "gossip/wire/framing.hpp"
#include "gossip/wire/introduction.hpp"

namespace {

void meet_version1(weft::mesh::ReceiveBuffer& buffer) {
  weft::mesh::Protocol1Reader reader;
  const auto features = reader.take_features(buffer);
  if (!features || !*features) {
    return;
  }
  static_cast<void>(weft::mesh::parse_features(**features));
  static_cast<void>(weft::mesh::protocol1_public_key(**features, true));
  for (auto message = reader.take_message(buffer); message && *message;
       message = reader.take_message(buffer)) {
  }
}

void meet_version2(weft::mesh::ReceiveBuffer& buffer) {
  for (auto frame = weft::mesh::take_frame(buffer); frame && *frame;
       frame = weft::mesh::take_frame(buffer)) {
    if (const auto map = weft::mesh::decode_map(**frame)) {
      static_cast<void>(weft::mesh::parse_features(*map));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto octets = std::as_bytes(std::span{data, size});
  const auto version = weft::mesh::choose_version(octets);
  if (!version) {
    return 0;
  }
  weft::mesh::ReceiveBuffer buffer;
  buffer.append(octets.subspan(weft::mesh::header_bytes));
  if (*version == 1) {
    meet_version1(buffer);
  } else if (!buffer.view().empty()) {
    static_cast<void>(weft::mesh::parse_encryption_flag(buffer.view()[0], false));
    buffer.consume(weft::mesh::encryption_flag_bytes);
    meet_version2(buffer);
  }
  return 0;
}
