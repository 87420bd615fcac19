#pragma once
/// Drops in the kernel, before it wakes a lane, what no peer sent: a flood of it costs no more than
/// a flood of a port where nobody listens.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>

#include "counters.hpp"
#include "crypto.hpp"
#include "sender_filter_layout.h"
#include "udp_socket.hpp"

struct sender_filter_bpf;  // of the skeleton

namespace weft::sleeve {

/// What is known of datagrams that a peer sends.
struct SenderTraits {
  std::set<net::IpAddress> sources;  ///< at most two of them count; none: it may be anywhere
  bool is_encrypted = false;
  std::vector<WordRange> fresh;  ///< at most four; sequence words that are not used up

  bool operator==(const SenderTraits&) const = default;
};

/// A BPF program (sender_filter.bpf.c) that looks at each datagram's header and source address. It
/// only spares lanes work: they check all the same what they receive.
///
/// A peer may move to another address, which its next heartbeat tells. So known names may come from
/// elsewhere, together up to `strays_per_period` datagrams between two calls of `collect`.
///
/// Used on one thread.
class SenderFilter {
 public:
  static constexpr std::uint64_t strays_per_period = SENDER_STRAYS_PER_PERIOD;

  /// Errors: the kernel's: EPERM without CAP_BPF or CAP_NET_ADMIN, ENOSYS without BPF.
  [[nodiscard]] static Result<SenderFilter> open();

  /// Errors: the kernel's.
  [[nodiscard]] Result<> attach(const UniqueFd& socket) const;
  static void detach(const UniqueFd& socket) noexcept;

  /// `name` may send. Replaces what was said of it before. Errors: the kernel's; then what was said
  /// before holds.
  [[nodiscard]] Result<> admit(PeerName name, const SenderTraits& traits);
  void forget(PeerName name) noexcept;

  /// Counts what was refused since the last call, and begins a period. Returns how much that was.
  std::uint64_t collect(Counters& counters) noexcept;

 private:
  struct Unload {
    void operator()(sender_filter_bpf* object) const noexcept;
  };

  SenderFilter() = default;
  [[nodiscard]] int senders() const noexcept;  // maps
  [[nodiscard]] int counts() const noexcept;

  std::unique_ptr<sender_filter_bpf, Unload> object_;
  std::map<PeerName, SenderTraits> admitted_;
  std::array<std::uint64_t, SENDER_COUNTS> counted_{};
};

}  // namespace weft::sleeve
