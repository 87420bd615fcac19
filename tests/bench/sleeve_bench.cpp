/// What encryption of sleeve's datagrams costs: per cipher, sealing and opening datagrams of 1424
/// octets as they travel over an Ethernet, on one lane and on two with one key.

#include <memory>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>
#include <sodium.h>

#include <weft/bytes.hpp>
#include <weft/result.hpp>
#include <weft/testing/fake_lanes.hpp>

#include "sleeve/cipher.hpp"
#include "sleeve/crypto.hpp"

namespace weft::bench {
namespace {

using namespace weft::sleeve;

constexpr std::size_t datagram_bytes = 1424;
constexpr std::size_t batch = 64;  // as lanes do
constexpr std::int64_t secretbox = 0;

/// A sender and its peer. What `cipher` is: 0 Weave Net's secretbox, else a Cipher.
class Pair {
 public:
  explicit Pair(std::int64_t cipher) {
    if (cipher != secretbox) {
      const Ciphers ciphers;
      const auto chosen = static_cast<Cipher>(cipher);
      is_usable_ = ciphers.usable().has(chosen);
      if (is_usable_) {
        sealer.use(1, ciphers.make_key(chosen, Secret()), 0);
        opener.accept(1, ciphers.make_key(chosen, Secret()), 0);
      }
    }
  }
  [[nodiscard]] bool is_usable() const noexcept { return is_usable_; }

 private:
  bool is_usable_ = true;
  testing::FakeLanes lanes_;

 public:
  Sealer sealer{lanes_, SessionKey{}, PeerName{1}, /*is_outbound=*/true};
  Opener opener{lanes_, SessionKey{}, /*is_outbound=*/false};
};

std::vector<Bytes> packets() {
  return std::vector<Bytes>(batch, Bytes(datagram_bytes));
}

void report(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch * datagram_bytes));
  state.counters["ns_each"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * batch * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

std::unique_ptr<Pair> shared_pair;  // by the threads of one benchmark

void make_pair(const benchmark::State& state) {
  WEFT_CHECK(sodium_init() >= 0, "libsodium finds the processor's instructions");
  shared_pair = std::make_unique<Pair>(state.range(0));
}
void drop_pair(const benchmark::State& /*state*/) {
  shared_pair.reset();
}

bool is_usable(benchmark::State& state) {
  if (!shared_pair->is_usable()) {
    state.SkipWithError("this processor has no instructions for it");
  }
  return shared_pair->is_usable();
}

void seal(benchmark::State& state) {
  if (!is_usable(state)) {
    return;
  }
  auto datagrams = packets();
  for (auto _ : state) {
    for (Bytes& datagram : datagrams) {
      shared_pair->sealer.seal(DfClass::dont_fragment, datagram);
    }
  }
  report(state);
}

void seal_and_open(benchmark::State& state) {
  if (!is_usable(state)) {
    return;
  }
  auto datagrams = packets();
  for (auto _ : state) {
    for (Bytes& datagram : datagrams) {
      shared_pair->sealer.seal(DfClass::dont_fragment, datagram);
    }
    for (Bytes& datagram : datagrams) {
      // A thread that was not scheduled for long comes too late for the replay window.
      if (shared_pair->opener.open(datagram) == Opener::Outcome::forged) {
        state.SkipWithError("a datagram was refused");
        return;
      }
    }
  }
  report(state);
}

void ciphers(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("cipher")
      ->Arg(secretbox)
      ->Arg(static_cast<std::int64_t>(Cipher::chacha20_poly1305))
      ->Arg(static_cast<std::int64_t>(Cipher::aes_256_gcm))
      ->Setup(make_pair)
      ->Teardown(drop_pair)
      ->Unit(benchmark::kMicrosecond);
}
BENCHMARK(seal)->Apply(ciphers)->Threads(1)->Threads(2);
BENCHMARK(seal_and_open)->Apply(ciphers)->Threads(1)->Threads(2);

}  // namespace
}  // namespace weft::bench
