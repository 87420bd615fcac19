/// Reads and writes nicknames: cuts foreign ones, and takes out of them what could disturb a
/// terminal or a log.

#include "nickname.hpp"

#include <algorithm>

#include "common/gob/encoder.hpp"

namespace weft::ipam {

namespace {

constexpr std::size_t gob_uint_bytes = 9;  // the most that a number takes

/// The length of the UTF-8 sequence that `text` begins with; 0 when it begins with none, or with a
/// control character.
std::size_t printable_sequence(std::string_view text) noexcept {
  const auto octet = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = octet(0);
  if (first < 0x80U) {
    return first >= 0x20U && first != 0x7FU ? 1 : 0;
  }
  const std::size_t length = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : 2;
  if (first < 0xC2U || first > 0xF4U || text.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const unsigned second = octet(1);
  const bool is_control = first == 0xC2U && second < 0xA0U;
  const bool is_bidirectional_or_separator =
      first == 0xE2U && ((second == 0x80U && octet(2) >= 0xA8U && octet(2) <= 0xAEU) ||
                         (second == 0x81U && octet(2) >= 0xA6U && octet(2) <= 0xA9U));
  const bool is_overlong_or_surrogate =
      (first == 0xE0U && second < 0xA0U) || (first == 0xEDU && second > 0x9FU) ||
      (first == 0xF0U && second < 0x90U) || (first == 0xF4U && second > 0x8FU);
  return is_control || is_bidirectional_or_separator || is_overlong_or_surrogate ? 0 : length;
}

}  // namespace

std::string tame_nickname(std::string_view foreign) {
  std::string tame;
  while (!foreign.empty()) {
    const std::size_t length = printable_sequence(foreign);
    const std::string_view next = length == 0 ? "?" : foreign.substr(0, length);
    if (tame.size() + next.size() > max_nickname_bytes) {
      break;
    }
    tame += next;
    foreign.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return tame;
}

std::string with_nickname(const Nicknames& nicknames, PeerName peer) {
  const auto found = nicknames.find(peer);
  return found == nicknames.end() ? to_string(peer) : to_string(peer) + " (" + found->second + ")";
}

Result<Nicknames> read_nicknames(gob::ValueReader& from) {
  Nicknames nicknames;
  WEFT_TRY(from.as_map([&nicknames](gob::ValueReader& key, gob::ValueReader& value) -> Result<> {
    std::uint64_t peer = 0;
    WEFT_TRY(peer, key.as_uint());
    std::string_view nickname;
    WEFT_TRY(nickname, value.as_string());
    if (nicknames.size() < max_nicknames) {
      nicknames.insert_or_assign(PeerName{peer}, tame_nickname(nickname));
    }
    return {};
  }));
  return nicknames;
}

void put_nicknames(Bytes& to, const Nicknames& nicknames) {
  std::size_t octets = 0;
  std::size_t count = 0;
  auto end = nicknames.begin();
  for (; end != nicknames.end() && octets <= max_sent_nickname_bytes; ++end, ++count) {
    octets += end->second.size() + gob_uint_bytes;
  }
  gob::append_uint(to, count);
  for (auto at = nicknames.begin(); at != end; ++at) {
    gob::append_uint(to, static_cast<std::uint64_t>(at->first));
    gob::append_counted(to, as_bytes(at->second));
  }
}

}  // namespace weft::ipam
