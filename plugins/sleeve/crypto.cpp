/// The header of encrypted datagrams, and the keys that lanes use at the time.
#include "crypto.hpp"

#include <algorithm>

#include "common/kdf/hkdf.hpp"

namespace weft::sleeve {
namespace {

constexpr unsigned generation_shift = 56;
constexpr std::uint64_t dont_fragment_bit = std::uint64_t{1} << 63U;
constexpr std::uint64_t sequence_mask = (std::uint64_t{1} << generation_shift) - 1;
constexpr std::uint64_t generation_mask = ~(dont_fragment_bit | sequence_mask);

constexpr std::uint64_t bit_of(DfClass df_class) noexcept {
  return df_class == DfClass::dont_fragment ? dont_fragment_bit : 0;
}

/// A generation as its datagrams show it. Those that can be accepted at once differ.
constexpr std::uint64_t mark_of(std::uint32_t generation) noexcept {
  return generation == 0 ? 0 : std::uint64_t{64 + generation % 64} << generation_shift;
}

}  // namespace

std::uint64_t first_number(const Secret& key) {
  constexpr std::string_view info = "weft sleeve first number 1";
  constexpr std::uint64_t count = std::uint64_t{1} << 51U;
  std::array<std::byte, sizeof(std::uint64_t)> number{};
  hkdf_sha256(key.octets, {}, std::as_bytes(std::span(info)), number);
  return load_be<std::uint64_t>(number.data()) % count;
}

struct Sealer::Sending {
  Sending(std::uint32_t generation, std::unique_ptr<const DatagramKey> with, std::uint64_t first,
          std::uint64_t limit)
      : key(std::move(with)), mark(mark_of(generation)), end(first + limit), next{first, first} {}

  std::unique_ptr<const DatagramKey> key;
  std::uint64_t mark;
  std::uint64_t end;
  // Apart from what lanes only read.
  alignas(64) mutable std::array<std::atomic<std::uint64_t>, df_classes> next;
};

Sealer::Sealer(Lanes& lanes, const SessionKey& key, PeerName sender, bool is_outbound)
    : sender_(sender),
      sending_(lanes,
               std::make_shared<const Sending>(0, make_secretbox_key(Secret(key), is_outbound), 0,
                                               ReplayWindow::end_of_numbers)) {}

void Sealer::seal(DfClass df_class, std::span<std::byte> packet) noexcept {
  const Sending& sending = sending_.read();
  const std::uint64_t sequence =
      sending.next[static_cast<std::size_t>(df_class)].fetch_add(1, std::memory_order_relaxed);
  if (sequence >= sending.end) {
    std::ranges::fill(packet, std::byte{0});
    return;
  }
  std::byte* const word = packet.data() + peer_name_bytes;
  std::byte* const tag = word + sequence_bytes;
  store_peer_name(packet.data(), sender_);
  store_be(word, sequence | sending.mark | bit_of(df_class));
  sending.key->seal(word, packet.subspan(sealed_header_bytes), tag);
}

void Sealer::use(std::uint32_t generation, std::unique_ptr<const DatagramKey> key,
                 std::uint64_t first, std::uint64_t limit) {
  sending_.publish(std::make_shared<const Sending>(generation, std::move(key), first, limit));
}

struct Opener::Receiving {
  Receiving(std::uint32_t generation, std::unique_ptr<const DatagramKey> with, std::uint64_t first)
      : key(std::move(with)),
        mark(mark_of(generation)),
        windows{ReplayWindow(first), ReplayWindow(first)} {}

  std::unique_ptr<const DatagramKey> key;
  std::uint64_t mark;
  std::array<ReplayWindow, df_classes> windows;
};

Opener::Opener(Lanes& lanes, const SessionKey& key, bool is_outbound)
    : accepted_(
          lanes,
          std::make_shared<const Accepted>(Accepted{
              std::make_shared<Receiving>(0, make_secretbox_key(Secret(key), !is_outbound), 0),
              nullptr})) {}

Opener::Outcome Opener::open(std::span<std::byte> packet) noexcept {
  if (packet.size() < sealed_header_bytes) {
    return Outcome::too_short;
  }
  const std::byte* const word = packet.data() + peer_name_bytes;
  const std::byte* const tag = word + sequence_bytes;
  const auto value = load_be<std::uint64_t>(word);
  const Accepted& accepted = accepted_.read();
  const auto at = std::ranges::find_if(accepted, [value](const auto& candidate) {
    return candidate && candidate->mark == (value & generation_mask);
  });
  if (at == accepted.end()) {
    return Outcome::forged;
  }
  const DfClass df_class =
      (value & dont_fragment_bit) != 0 ? DfClass::dont_fragment : DfClass::may_fragment;
  ReplayWindow& window = (*at)->windows[static_cast<std::size_t>(df_class)];
  if (window.was_used(value & sequence_mask)) {
    return Outcome::replayed;
  }
  if (!(*at)->key->open(word, packet.subspan(sealed_header_bytes), tag)) {
    return Outcome::forged;
  }
  return window.mark(value & sequence_mask) == ReplayWindow::Verdict::fresh ? Outcome::opened
                                                                            : Outcome::replayed;
}

void Opener::accept(std::uint32_t generation, std::unique_ptr<const DatagramKey> key,
                    std::uint64_t first) {
  accepted_.publish(std::make_shared<const Accepted>(Accepted{
      std::make_shared<Receiving>(generation, std::move(key), first), (*accepted_.owner())[0]}));
}

void Opener::forget_old() {
  accepted_.publish(std::make_shared<const Accepted>(Accepted{(*accepted_.owner())[0], nullptr}));
}

std::vector<WordRange> Opener::fresh() const {
  std::vector<WordRange> ranges;
  for (const auto& receiving : *accepted_.owner()) {
    for (const DfClass df_class : {DfClass::may_fragment, DfClass::dont_fragment}) {
      if (receiving) {
        const ReplayWindow& window = receiving->windows[static_cast<std::size_t>(df_class)];
        const std::uint64_t base = receiving->mark | bit_of(df_class);
        ranges.push_back({base | window.oldest(), base | window.farthest()});
      }
    }
  }
  return ranges;
}

}  // namespace weft::sleeve
