/// Keeps the filter's maps.
#include "sender_filter.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "datagram.hpp"
#include "sender_filter.skel.h"

namespace weft::sleeve {
namespace {

static_assert(SENDER_NAME_BYTES == peer_name_bytes);
static_assert(SENDER_SEALED_HEADER_BYTES == sealed_header_bytes);
static_assert(SENDER_RECORD_HEADER_BYTES == record_header_bytes);

/// What the program counts, as the overlay calls it.
constexpr std::array<std::pair<sender_count, Drop>, 7> reasons{
    {{SENDER_SHORT_DATAGRAM, Drop::short_datagram},
     {SENDER_UNKNOWN, Drop::unknown_sender},
     {SENDER_WRONG_ADDRESS, Drop::wrong_address},
     {SENDER_NOT_FRESH, Drop::not_fresh},
     {SENDER_BAD_LENGTH, Drop::bad_length},
     {SENDER_TRAILING_GARBAGE, Drop::trailing_garbage},
     {SENDER_NO_FRAME, Drop::undecodable_frame}}};

sender_key key_of(PeerName name) noexcept {
  std::array<std::byte, peer_name_bytes> octets{};
  store_peer_name(octets.data(), name);
  return {load_be<std::uint32_t>(octets.data()), load_be<std::uint16_t>(octets.data() + 4)};
}

sender_source source_of(const net::IpAddress& address) noexcept {
  if (address.is_v4()) {
    return {{0, 0, 0xFFFF, address.v4_value()}};
  }
  sender_source source{};
  for (std::size_t i = 0; i < std::size(source.words); ++i) {
    source.words[i] = load_be<std::uint32_t>(address.octets.data() + 4 * i);
  }
  return source;
}

sender_rule rule_of(const SenderTraits& traits) noexcept {
  sender_rule rule{};
  rule.is_anywhere = traits.sources.empty() ? 1U : 0U;
  rule.is_encrypted = traits.is_encrypted ? 1U : 0U;
  auto source = traits.sources.begin();
  for (std::size_t i = 0; i < SENDER_SOURCES && source != traits.sources.end(); ++i) {
    rule.sources[i] = source_of(*source++);
  }
  for (std::size_t i = 0; i < SENDER_RANGES; ++i) {
    const WordRange range = i < traits.fresh.size() ? traits.fresh[i] : WordRange{};
    rule.fresh[i] = {range.from, range.to};
  }
  return rule;
}

}  // namespace

void SenderFilter::Unload::operator()(sender_filter_bpf* object) const noexcept {
  sender_filter_bpf::destroy(object);
}

int SenderFilter::senders() const noexcept {
  return bpf_map__fd(object_->maps.weft_senders);
}

int SenderFilter::counts() const noexcept {
  return bpf_map__fd(object_->maps.weft_counts);
}

Result<SenderFilter> SenderFilter::open() {
  libbpf_set_print(nullptr);  // it would write to stderr; errors go to the log
  SenderFilter filter;
  filter.object_.reset(sender_filter_bpf::open());
  if (!filter.object_) {
    return fail(errno, "open a BPF program");
  }
  if (const int error = sender_filter_bpf::load(filter.object_.get()); error != 0) {
    return fail(-error, "load a BPF program");
  }
  return filter;
}

Result<> SenderFilter::attach(const UniqueFd& socket) const {
  const int program = bpf_program__fd(object_->progs.weft_filter);
  if (setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) != 0) {
    return fail(errno, "attach a BPF program to a UDP socket");
  }
  return {};
}

void SenderFilter::detach(const UniqueFd& socket) noexcept {
  const int ignored = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_DETACH_BPF, &ignored, sizeof ignored);
}

Result<> SenderFilter::admit(PeerName name, const SenderTraits& traits) {
  const auto [at, is_new] = admitted_.try_emplace(name);
  if (!is_new && at->second == traits) {
    return {};
  }
  const sender_key key = key_of(name);
  const sender_rule rule = rule_of(traits);
  if (bpf_map_update_elem(senders(), &key, &rule, BPF_ANY) != 0) {
    return fail(errno, "admit " + to_string(name) + " to a BPF program");
  }
  at->second = traits;
  return {};
}

void SenderFilter::forget(PeerName name) noexcept {
  const sender_key key = key_of(name);
  bpf_map_delete_elem(senders(), &key);
  admitted_.erase(name);
}

std::uint64_t SenderFilter::collect(Counters& counters) noexcept {
  constexpr std::uint32_t strays = SENDER_STRAYS;
  const std::uint64_t none = 0;
  bpf_map_update_elem(counts(), &strays, &none, BPF_ANY);
  std::uint64_t refused = 0;
  for (const auto& [index, reason] : reasons) {
    std::uint64_t count = 0;
    if (bpf_map_lookup_elem(counts(), &index, &count) == 0) {
      std::uint64_t& counted = counted_[index];
      counters.drop(reason, count - counted);
      refused += count - std::exchange(counted, count);
    }
  }
  return refused;
}

}  // namespace weft::sleeve
