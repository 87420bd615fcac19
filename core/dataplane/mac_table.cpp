/// Learns and looks up MAC addresses from all lanes at once, without locks.

#include "dataplane/mac_table.hpp"

namespace weft::dataplane {
namespace {

constexpr std::uint64_t free_slot = 0;
constexpr std::uint64_t claimed = std::uint64_t{1} << 48U;  // its owner is being written
constexpr std::uint64_t retired = std::uint64_t{2} << 48U;  // free after the lanes moved on
constexpr std::uint64_t largest_mac = claimed - 1;

constexpr std::uint64_t pack(PeerName peer, std::uint16_t second) {
  return static_cast<std::uint64_t>(peer) << 16U | second;
}
constexpr PeerName peer_of(std::uint64_t owner) {
  return PeerName{owner >> 16U};
}
constexpr std::uint16_t idle_seconds(std::uint64_t owner, std::uint16_t now) {
  return static_cast<std::uint16_t>(now - static_cast<std::uint16_t>(owner & 0xFFFFU));
}

/// Source: MurmurHash3, fmix64.
constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 33U) * 0xff51afd7ed558ccdULL;
  value = (value ^ value >> 33U) * 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33U;
}

}  // namespace

MacTable::MacTable(std::uint64_t seed, TimePoint epoch)
    : seed_(seed), epoch_(epoch), table_(std::make_unique<std::array<Bucket, buckets>>()) {}

MacTable::Bucket& MacTable::bucket_of(std::uint64_t mac) const noexcept {
  return (*table_)[mix(mac ^ seed_) % buckets];
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

Learned MacTable::update(Slot& slot, PeerName peer, std::uint16_t now) noexcept {
  std::uint64_t owner = slot.owner.load(std::memory_order_relaxed);
  const bool is_same = peer_of(owner) == peer;
  if (is_same && idle_seconds(owner, now) < refresh.count()) {
    return Learned::known;
  }
  // Losing the exchange means that another lane saw the same MAC just now: its frame is as good.
  const bool is_ours =
      slot.owner.compare_exchange_strong(owner, pack(peer, now), std::memory_order_relaxed);
  return is_same || !is_ours ? Learned::known : Learned::moved;
}

Learned MacTable::learn(net::Mac mac, PeerName peer, TimePoint now) noexcept {
  const std::uint64_t key = mac.value();
  if (mac.is_group() || key == free_slot) {
    return Learned::known;
  }
  const std::uint16_t at = second(now);
  Bucket& bucket = bucket_of(key);
  for (Slot& slot : bucket.slots) {
    if (slot.mac.load(std::memory_order_acquire) == key) {
      return update(slot, peer, at);
    }
  }
  for (Slot& slot : bucket.slots) {
    std::uint64_t expected = free_slot;
    if (!slot.mac.compare_exchange_strong(expected, claimed, std::memory_order_acq_rel)) {
      if (expected == key) {
        return update(slot, peer, at);  // another lane was faster
      }
      continue;
    }
    slot.owner.store(pack(peer, at), std::memory_order_relaxed);
    slot.mac.store(key, std::memory_order_release);
    return Learned::added;
  }
  return Learned::full;
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
  for (Bucket& bucket : *table_) {
    for (std::size_t i = 0; i < ways; ++i) {
      Slot& slot = bucket.slots[i];
      const std::uint64_t mac = slot.mac.load(std::memory_order_acquire);
      if (mac == retired) {
        slot.mac.store(free_slot, std::memory_order_release);
      } else if (mac != free_slot && mac <= largest_mac &&
                 (predicate(slot.owner.load(std::memory_order_relaxed)) ||
                  is_shadowed(bucket, i, mac))) {
        slot.mac.store(retired, std::memory_order_release);
        ++count;
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

std::size_t MacTable::forget(PeerName peer) noexcept {
  return retire_if([peer](std::uint64_t owner) { return peer_of(owner) == peer; });
}

std::vector<MacEntry> MacTable::entries(TimePoint now) const {
  const std::uint16_t at = second(now);
  std::vector<MacEntry> found;
  for (const Bucket& bucket : *table_) {
    for (const Slot& slot : bucket.slots) {
      const std::uint64_t mac = slot.mac.load(std::memory_order_acquire);
      if (mac != free_slot && mac <= largest_mac) {
        const std::uint64_t owner = slot.owner.load(std::memory_order_relaxed);
        found.push_back({net::Mac::from_value(mac), peer_of(owner),
                         std::chrono::seconds{idle_seconds(owner, at)}});
      }
    }
  }
  return found;
}

}  // namespace weft::dataplane
