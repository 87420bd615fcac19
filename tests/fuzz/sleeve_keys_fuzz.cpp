/// Any control messages about keys, in any order and at any time, to either side of an exchange;
/// and any octets as an encrypted datagram. An input is messages, each: seconds until it (1),
/// sub-tag (1), length (1), body.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sodium.h>

#include <weft/testing/fake_lanes.hpp>

#include "sleeve/crypto.hpp"
#include "sleeve/key_exchange.hpp"

namespace {

using namespace weft;

void talk(std::span<const std::byte> input, bool is_dialler) {
  sleeve::KeyExchange keys(
      {.is_dialler = is_dialler,
       .ciphers = sleeve::Ciphers().usable(),
       .context = {},
       .session_key = {},
       .random = [](std::span<std::byte> out) { randombytes_buf(out.data(), out.size()); }});
  TimePoint now{};
  static_cast<void>(keys.begin(now));
  while (input.size() >= 3) {
    now += std::chrono::seconds{std::to_integer<int>(input[0])};
    const auto subtag = std::to_integer<std::uint8_t>(input[1]);
    const auto length =
        std::min<std::size_t>(std::to_integer<std::size_t>(input[2]), input.size() - 3);
    static_cast<void>(keys.on_timer(now));
    static_cast<void>(keys.on_control(subtag, input.subspan(3, length), now));
    input = input.subspan(3 + length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool is_ready = sodium_init() >= 0;
  static testing::FakeLanes lanes;
  const auto input = std::as_bytes(std::span{data, size});
  if (is_ready) {
    talk(input, true);
    talk(input, false);
    std::vector<std::byte> datagram(input.begin(), input.end());
    sleeve::Opener opener(lanes, SessionKey{}, true);
    static_cast<void>(opener.open(datagram));
  }
  return 0;
}
