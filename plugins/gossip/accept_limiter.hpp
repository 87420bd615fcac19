#pragma once
/// How often connections are accepted, by their source, so that one source keeps nobody else out.
/// Pure.

#include <map>

#include <weft/loop.hpp>
#include <weft/net/ip.hpp>

#include "gossip/token_bucket.hpp"

namespace weft::gossip {

/// What counts as one source: an IPv4 address, or the /64 of an IPv6 address.
[[nodiscard]] net::IpAddress source_of(const net::IpAddress& address);

/// Used on the mesh's loop only. Remembers at most `max_sources`.
class AcceptLimiter {
 public:
  /// Of one source. Source: weaveworks/mesh token_bucket.go, where it is all sources' together.
  static constexpr int source_burst = 20;
  static constexpr Duration source_period = std::chrono::milliseconds{50};
  /// Of all strangers together. Known peers do not take from it.
  static constexpr int strangers_burst = 200;
  static constexpr Duration strangers_period = std::chrono::milliseconds{5};
  /// Beyond these, new sources share one bucket.
  static constexpr std::size_t max_sources = 1024;

  explicit AcceptLimiter(TimePoint now)
      : strangers_(strangers_burst, strangers_period, now),
        others_(source_burst, source_period, now) {}

  /// Whether a connection from `source` may be served now. `is_known`: a peer is known there.
  [[nodiscard]] bool admit(const net::IpAddress& source, bool is_known, TimePoint now);

 private:
  [[nodiscard]] TokenBucket& bucket_of(const net::IpAddress& source, TimePoint now);

  TokenBucket strangers_;
  TokenBucket others_;
  std::map<net::IpAddress, TokenBucket> sources_;
  TimePoint purged_{};
};

}  // namespace weft::gossip
