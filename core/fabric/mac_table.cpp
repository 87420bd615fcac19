/// Learns and looks up MAC addresses from all lanes at once, without locks.

#include "fabric/mac_table.hpp"

#include <algorithm>
#include <bit>
#include <ranges>

namespace weft::dataplane {
namespace {

constexpr std::uint64_t free_slot = 0;
constexpr unsigned mac_bits = 48;
constexpr std::uint64_t claimed = std::uint64_t{1} << mac_bits;  // its owner is being written
constexpr std::uint64_t retired = std::uint64_t{2} << mac_bits;  // | generation
constexpr std::uint64_t low_bits = claimed - 1;

constexpr std::uint16_t kept = 0x8000;  // was heard again, `refresh` after it was first heard
constexpr std::uint16_t clock_bits = kept - 1;

constexpr bool is_mac(std::uint64_t word) {
  return word != free_slot && word < claimed;
}
constexpr bool is_reusable(std::uint64_t word, std::uint64_t generation) {
  return word == free_slot ||
         (word >= retired && generation >= (word & low_bits) + MacTable::generations_to_reuse);
}

constexpr std::uint64_t pack(PeerName peer, std::uint16_t second, std::uint16_t flag) {
  return static_cast<std::uint64_t>(peer) << 16U | (second & clock_bits) | flag;
}
constexpr PeerName peer_of(std::uint64_t owner) {
  return PeerName{owner >> 16U};
}
/// 0 also when another thread's clock was a moment ahead.
constexpr std::uint16_t idle_seconds(std::uint64_t owner, std::uint16_t now) {
  const std::uint16_t idle = static_cast<std::uint16_t>(now - owner) & clock_bits;
  return idle > clock_bits / 2 ? 0 : idle;
}

/// Source: MurmurHash3, fmix64.
constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 33U) * 0xff51afd7ed558ccdULL;
  value = (value ^ value >> 33U) * 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33U;
}

}  // namespace

MacTable::MacTable(std::uint64_t seed, TimePoint epoch, std::size_t buckets)
    : seed_(seed),
      epoch_(epoch),
      last_bucket_(buckets - 1),
      table_(std::make_unique<Bucket[]>(buckets)) {
  WEFT_CHECK(std::has_single_bit(buckets), "a MAC table has a power of two of buckets");
}

MacTable::Bucket& MacTable::bucket_of(std::uint64_t mac) const noexcept {
  return table_[mix(mac ^ seed_) & last_bucket_];
}

std::span<MacTable::Bucket> MacTable::all() const noexcept {
  return {table_.get(), last_bucket_ + 1};
}

std::uint16_t MacTable::second(TimePoint now) const noexcept {
  return static_cast<std::uint16_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now - epoch_).count());
}

std::optional<PeerName> MacTable::find(net::Mac mac) const noexcept {
  const std::uint64_t key = mac.value();
  if (mac.is_group() || key == free_slot) {
    return std::nullopt;
  }
  for (const Slot& slot : bucket_of(key).slots) {
    if (slot.mac.load(std::memory_order_acquire) == key) {
      return peer_of(slot.owner.load(std::memory_order_relaxed));
    }
  }
  return std::nullopt;
}

template <MacTable::Move move>
Learned MacTable::update(Slot& slot, PeerName peer, std::uint16_t now) noexcept {
  std::uint64_t owner = slot.owner.load(std::memory_order_relaxed);
  const bool is_same = peer_of(owner) == peer;
  if (is_same ? idle_seconds(owner, now) < refresh.count() : move == Move::refused) {
    return Learned::known;
  }
  // Losing the exchange means that another lane saw the same MAC just now: its frame is as good.
  const bool is_ours = slot.owner.compare_exchange_strong(
      owner, pack(peer, now, is_same ? kept : 0), std::memory_order_relaxed);
  return is_same || !is_ours ? Learned::known : Learned::moved;
}

template <MacTable::Move move>
Learned MacTable::learn_with(net::Mac mac, PeerName peer, TimePoint now) noexcept {
  const std::uint64_t key = mac.value();
  if (mac.is_group() || key == free_slot) {
    return Learned::known;
  }
  const std::uint16_t at = second(now);
  Bucket& bucket = bucket_of(key);
  for (Slot& slot : bucket.slots) {
    if (slot.mac.load(std::memory_order_acquire) == key) {
      return update<move>(slot, peer, at);
    }
  }
  return add<move>(bucket, key, peer, at);
}

template <MacTable::Move move>
Learned MacTable::add(Bucket& bucket, std::uint64_t mac, PeerName peer,
                      std::uint16_t now) noexcept {
  const std::uint64_t generation = generation_.load(std::memory_order_acquire);
  std::size_t taken = ways;
  for (std::size_t i = 0; i < ways && taken == ways; ++i) {
    Slot& slot = bucket.slots[i];
    std::uint64_t word = slot.mac.load(std::memory_order_acquire);
    if (is_reusable(word, generation) &&
        slot.mac.compare_exchange_strong(word, claimed, std::memory_order_acq_rel)) {
      slot.owner.store(pack(peer, now, 0), std::memory_order_relaxed);
      slot.mac.store(mac, std::memory_order_release);
      taken = i;
    } else if (word == mac) {
      return update<move>(slot, peer, now);  // another lane was faster
    }
  }
  const bool has_replaced = !has_spare(bucket) && make_room(bucket, peer, taken, now);
  if (taken == ways) {
    return Learned::full;
  }
  return has_replaced ? Learned::replaced : Learned::added;
}

template Learned MacTable::learn_with<MacTable::Move::allowed>(net::Mac, PeerName,
                                                               TimePoint) noexcept;
template Learned MacTable::learn_with<MacTable::Move::refused>(net::Mac, PeerName,
                                                               TimePoint) noexcept;

bool MacTable::has_spare(const Bucket& bucket) noexcept {
  return std::ranges::any_of(bucket.slots | std::views::reverse, [](const Slot& slot) {
    const std::uint64_t word = slot.mac.load(std::memory_order_relaxed);
    return word == free_slot || word >= retired;
  });
}

bool MacTable::make_room(Bucket& bucket, PeerName peer, std::size_t newest,
                         std::uint16_t now) noexcept {
  std::array<std::uint64_t, ways> macs{};
  std::array<std::uint64_t, ways> owners{};
  for (std::size_t i = 0; i < ways; ++i) {
    macs[i] = bucket.slots[i].mac.load(std::memory_order_acquire);
    owners[i] = bucket.slots[i].owner.load(std::memory_order_relaxed);
  }
  const auto count = [&](PeerName owner) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < ways; ++i) {
      found += is_mac(macs[i]) && peer_of(owners[i]) == owner ? 1 : 0;
    }
    return found;
  };
  const std::size_t own = count(peer) + (newest == ways ? 1 : 0);
  std::array<std::size_t, ways> counts{};
  std::size_t most = own;
  for (std::size_t i = 0; i < ways; ++i) {
    counts[i] = is_mac(macs[i]) ? count(peer_of(owners[i])) : 0;
    most = std::max(most, counts[i]);
  }
  std::size_t oldest = ways;
  unsigned oldest_age = 0;
  for (std::size_t i = 0; i < ways; ++i) {
    const bool is_candidate = most > own ? counts[i] == most : peer_of(owners[i]) == peer;
    const unsigned age =
        idle_seconds(owners[i], now) + ((owners[i] & kept) == 0 ? clock_bits + 1U : 0U);
    if (is_candidate && is_mac(macs[i]) && i != newest && (oldest == ways || age > oldest_age)) {
      oldest = i;
      oldest_age = age;
    }
  }
  return oldest != ways && retire(bucket.slots[oldest], macs[oldest]);
}

bool MacTable::retire(Slot& slot, std::uint64_t mac) noexcept {
  const std::uint64_t mark = retired | generation_.load(std::memory_order_acquire);
  return slot.mac.compare_exchange_strong(mac, mark, std::memory_order_acq_rel);
}

bool MacTable::is_shadowed(const Bucket& bucket, std::size_t index, std::uint64_t mac) noexcept {
  for (std::size_t i = 0; i < index; ++i) {
    if (bucket.slots[i].mac.load(std::memory_order_acquire) == mac) {
      return true;
    }
  }
  return false;
}

template <class Predicate>
std::size_t MacTable::retire_if(Predicate predicate) noexcept {
  std::size_t count = 0;
  for (Bucket& bucket : all()) {
    for (std::size_t i = 0; i < ways; ++i) {
      Slot& slot = bucket.slots[i];
      const std::uint64_t mac = slot.mac.load(std::memory_order_acquire);
      if (is_mac(mac) &&
          (predicate(slot.owner.load(std::memory_order_relaxed)) || is_shadowed(bucket, i, mac))) {
        count += retire(slot, mac) ? 1 : 0;
      }
    }
  }
  return count;
}

std::size_t MacTable::expire(TimePoint now) noexcept {
  const std::uint16_t at = second(now);
  return retire_if([at](std::uint64_t owner) {
    return idle_seconds(owner, at) >= std::chrono::seconds{max_idle}.count();
  });
}

std::size_t MacTable::forget(std::span<const PeerName> peers) noexcept {
  return retire_if(
      [peers](std::uint64_t owner) { return std::ranges::binary_search(peers, peer_of(owner)); });
}

bool MacTable::release() noexcept {
  if (visits_.fetch_add(0, std::memory_order_acq_rel) != 0) {
    return false;
  }
  generation_.fetch_add(1, std::memory_order_release);
  return true;
}

std::vector<MacEntry> MacTable::entries(TimePoint now) const {
  const std::uint16_t at = second(now);
  std::vector<MacEntry> found;
  for (const Bucket& bucket : all()) {
    for (const Slot& slot : bucket.slots) {
      const std::uint64_t mac = slot.mac.load(std::memory_order_acquire);
      if (is_mac(mac)) {
        const std::uint64_t owner = slot.owner.load(std::memory_order_relaxed);
        found.push_back({net::Mac::from_value(mac), peer_of(owner),
                         std::chrono::seconds{idle_seconds(owner, at)}});
      }
    }
  }
  return found;
}

}  // namespace weft::dataplane
