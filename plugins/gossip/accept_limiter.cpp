/// Buckets by source.

#include "gossip/accept_limiter.hpp"

namespace weft::gossip {

net::IpAddress source_of(const net::IpAddress& address) {
  constexpr std::uint8_t site_bits = 64;
  return address.is_v4() ? address : net::Cidr{address, site_bits}.network().address;
}

bool AcceptLimiter::admit(const net::IpAddress& source, bool is_known, TimePoint now) {
  return bucket_of(source_of(source), now).try_take(now) && (is_known || strangers_.try_take(now));
}

/// A full bucket says nothing that a new one would not say: it is forgotten when room is needed.
TokenBucket& AcceptLimiter::bucket_of(const net::IpAddress& source, TimePoint now) {
  if (const auto known = sources_.find(source); known != sources_.end()) {
    return known->second;
  }
  if (sources_.size() == max_sources && now - purged_ >= source_period) {
    purged_ = now;
    std::erase_if(sources_, [now](const auto& entry) { return entry.second.is_full(now); });
  }
  if (sources_.size() == max_sources) {
    return others_;
  }
  return sources_.emplace(source, TokenBucket{source_burst, source_period, now}).first->second;
}

}  // namespace weft::gossip
