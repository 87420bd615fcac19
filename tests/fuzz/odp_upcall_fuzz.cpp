/// Any octets as a datagram of the kernel's packet family, read as a lane reads it.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <weft/result.hpp>

#include "odp/upcall.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint16_t family = 0x24;  // of the seeds
  if (size < NLMSG_HDRLEN) {
    return 0;
  }
  std::vector<std::byte> datagram(size);
  std::memcpy(datagram.data(), data, size);
  auto& message = *reinterpret_cast<nlmsghdr*>(datagram.data());
  if (message.nlmsg_len > size) {
    return 0;
  }
  const auto upcall = weft::odp::parse_upcall(message, family);
  if (!upcall) {
    return 0;
  }
  const std::byte* const end = datagram.data() + message.nlmsg_len;
  WEFT_CHECK(
      upcall->frame.data() > datagram.data() && upcall->frame.data() + upcall->frame.size() <= end,
      "a frame lies in its message");
  WEFT_CHECK(upcall->frame.size() >= 14, "a frame has both MACs and a type");
  if (const auto heartbeat = weft::odp::parse_heartbeat(upcall->frame)) {
    WEFT_CHECK(upcall->frame.size() >= weft::odp::heartbeat_bytes, "a heartbeat is whole");
  }
  return 0;
}
