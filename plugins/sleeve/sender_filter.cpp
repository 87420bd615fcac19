/// Keeps the filter's maps.
#include "sender_filter.hpp"

#include <bpf/bpf.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace weft::sleeve {
namespace {

/// At most. Each takes memory only when it is there.
constexpr std::uint32_t max_senders = 1 << 16;

/// What the program counts, as the overlay calls it.
constexpr std::array<std::pair<SenderCount, Drop>, 7> reasons{
    {{SenderCount::short_datagram, Drop::short_datagram},
     {SenderCount::unknown_sender, Drop::unknown_sender},
     {SenderCount::wrong_address, Drop::wrong_address},
     {SenderCount::not_fresh, Drop::not_fresh},
     {SenderCount::bad_length, Drop::bad_length},
     {SenderCount::trailing_garbage, Drop::trailing_garbage},
     {SenderCount::no_frame, Drop::undecodable_frame}}};

SenderKey key_of(PeerName name) noexcept {
  std::array<std::byte, peer_name_bytes> octets{};
  store_peer_name(octets.data(), name);
  return {load_be<std::uint32_t>(octets.data()), load_be<std::uint16_t>(octets.data() + 4)};
}

SourceWords words_of(const net::IpAddress& address) noexcept {
  if (address.is_v4()) {
    return {0, 0, 0xFFFF, address.v4_value()};
  }
  SourceWords words{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = load_be<std::uint32_t>(address.octets.data() + 4 * i);
  }
  return words;
}

SenderRule rule_of(const SenderTraits& traits) noexcept {
  SenderRule rule{.is_anywhere = traits.sources.empty() ? 1U : 0U,
                  .is_encrypted = traits.is_encrypted ? 1U : 0U};
  auto source = traits.sources.begin();
  for (std::size_t i = 0; i < rule.sources.size() && source != traits.sources.end(); ++i) {
    rule.sources[i] = words_of(*source++);
  }
  std::copy_n(traits.fresh.begin(), std::min(traits.fresh.size(), rule.fresh.size()),
              rule.fresh.begin());
  return rule;
}

}  // namespace

Result<SenderFilter> SenderFilter::open() {
  bpf_map_create_opts when_needed{};
  when_needed.sz = sizeof when_needed;
  when_needed.map_flags = BPF_F_NO_PREALLOC;
  SenderFilter filter(Fd(bpf_map_create(BPF_MAP_TYPE_HASH, "weft_senders", sizeof(SenderKey),
                                        sizeof(SenderRule), max_senders, &when_needed)),
                      Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "weft_counts", sizeof(SenderCount),
                                        sizeof(std::uint64_t),
                                        static_cast<std::uint32_t>(SenderCount::count_), nullptr)));
  if (filter.senders_.get() < 0 || filter.counts_.get() < 0) {
    return fail(errno, "make the maps of a BPF program");
  }
  const auto program =
      sender_filter_program(filter.senders_.get(), filter.counts_.get(), strays_per_period);
  filter.program_ = Fd(bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "weft_senders", "Apache-2.0",
                                     program.data(), program.size(), nullptr));
  if (filter.program_.get() < 0) {
    return fail(errno, "load a BPF program");
  }
  return filter;
}

Result<> SenderFilter::attach(const Fd& socket) const {
  const int program = program_.get();
  if (setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) != 0) {
    return fail(errno, "attach a BPF program to a UDP socket");
  }
  return {};
}

void SenderFilter::detach(const Fd& socket) noexcept {
  const int ignored = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_DETACH_BPF, &ignored, sizeof ignored);
}

Result<> SenderFilter::admit(PeerName name, const SenderTraits& traits) {
  const auto [at, is_new] = admitted_.try_emplace(name);
  if (!is_new && at->second == traits) {
    return {};
  }
  const SenderKey key = key_of(name);
  const SenderRule rule = rule_of(traits);
  if (bpf_map_update_elem(senders_.get(), &key, &rule, BPF_ANY) != 0) {
    return fail(errno, "admit " + to_string(name) + " to a BPF program");
  }
  at->second = traits;
  return {};
}

void SenderFilter::forget(PeerName name) noexcept {
  const SenderKey key = key_of(name);
  bpf_map_delete_elem(senders_.get(), &key);
  admitted_.erase(name);
}

std::uint64_t SenderFilter::collect(Counters& counters) noexcept {
  constexpr SenderCount strays = SenderCount::strays;
  const std::uint64_t none = 0;
  bpf_map_update_elem(counts_.get(), &strays, &none, BPF_ANY);
  std::uint64_t refused = 0;
  for (const auto& [index, reason] : reasons) {
    std::uint64_t count = 0;
    if (bpf_map_lookup_elem(counts_.get(), &index, &count) == 0) {
      std::uint64_t& counted = counted_[static_cast<std::size_t>(index)];
      counters.drop(reason, count - counted);
      refused += count - std::exchange(counted, count);
    }
  }
  return refused;
}

}  // namespace weft::sleeve
