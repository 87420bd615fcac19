/// Secretbox over datagrams. Source: weaveworks/weave router/frame_crypto.go.
#include "crypto.hpp"

#include <array>

#include <sodium.h>

namespace weft::sleeve {
namespace {

constexpr std::uint64_t dont_fragment_bit = std::uint64_t{1} << 63U;

std::uint8_t* octets(std::byte* bytes) noexcept {
  return reinterpret_cast<std::uint8_t*>(bytes);
}
const std::uint8_t* octets(const std::byte* bytes) noexcept {
  return reinterpret_cast<const std::uint8_t*>(bytes);
}

using Nonce = std::array<std::uint8_t, crypto_secretbox_NONCEBYTES>;

/// Bit 7 of the first octet tells the directions apart, as both use one key; bit 6, set on TCP,
/// is clear. The last 8 octets are the sequence word as it travels.
Nonce make_nonce(bool is_sender_outbound, const std::byte* sequence_word) noexcept {
  Nonce nonce{};
  nonce[0] = is_sender_outbound ? 0x80 : 0x00;
  std::copy_n(octets(sequence_word), sequence_bytes, nonce.end() - sequence_bytes);
  return nonce;
}

}  // namespace

Sealer::Sealer(const SessionKey& key, PeerName sender, bool is_outbound)
    : key_(key), sender_(sender), is_outbound_(is_outbound) {}

Sealer::~Sealer() {
  sodium_memzero(key_.data(), key_.size());
}

void Sealer::seal(Space space, std::span<std::byte> packet) noexcept {
  const auto index = static_cast<std::size_t>(space);
  const std::uint64_t sequence = next_[index].fetch_add(1, std::memory_order_relaxed);
  std::byte* const word = packet.data() + peer_name_bytes;
  std::byte* const tag = word + sequence_bytes;
  std::byte* const body = packet.data() + sealed_header_bytes;
  store_peer_name(packet.data(), sender_);
  store_be(word, sequence | (space == Space::dont_fragment ? dont_fragment_bit : 0));
  const Nonce nonce = make_nonce(is_outbound_, word);
  crypto_secretbox_detached(octets(body), octets(tag), octets(body),
                            packet.size() - sealed_header_bytes, nonce.data(), octets(key_.data()));
}

Opener::Opener(const SessionKey& key, bool is_outbound) : key_(key), is_outbound_(is_outbound) {}

Opener::~Opener() {
  sodium_memzero(key_.data(), key_.size());
}

Opener::Outcome Opener::open(std::span<std::byte> packet) noexcept {
  if (packet.size() < sealed_header_bytes) {
    return Outcome::too_short;
  }
  const std::byte* const word = packet.data() + peer_name_bytes;
  const std::byte* const tag = word + sequence_bytes;
  std::byte* const body = packet.data() + sealed_header_bytes;
  const Nonce nonce = make_nonce(!is_outbound_, word);
  if (crypto_secretbox_open_detached(octets(body), octets(body), octets(tag),
                                     packet.size() - sealed_header_bytes, nonce.data(),
                                     octets(key_.data())) != 0) {
    return Outcome::forged;
  }
  const auto sequence_word = load_be<std::uint64_t>(word);
  const Space space =
      (sequence_word & dont_fragment_bit) != 0 ? Space::dont_fragment : Space::may_fragment;
  switch (windows_[static_cast<std::size_t>(space)].mark(sequence_word & ~dont_fragment_bit)) {
    case ReplayWindow::Verdict::fresh:
      return Outcome::opened;
    case ReplayWindow::Verdict::stale:
      return Outcome::replayed;
    case ReplayWindow::Verdict::busy:
      break;
  }
  return Outcome::busy;
}

}  // namespace weft::sleeve
