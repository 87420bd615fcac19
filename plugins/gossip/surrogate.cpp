/// Duplicate suppression by digest.

#include "gossip/surrogate.hpp"

#include <sodium.h>

namespace weft::gossip {

bool SurrogateFilter::is_new(ByteView payload, TimePoint now) {
  while (!order_.empty() && order_.front().when + memory < now) {
    forget_oldest();
  }
  Digest digest{};
  crypto_generichash(digest.data(), digest.size(),
                     reinterpret_cast<const unsigned char*>(payload.data()), payload.size(),
                     nullptr, 0);
  if (!digests_.insert(digest).second) {
    return false;
  }
  order_.push_back({now, digest});
  if (order_.size() > max_remembered) {
    forget_oldest();
  }
  return true;
}

void SurrogateFilter::forget_oldest() {
  digests_.erase(order_.front().digest);
  order_.pop_front();
}

}  // namespace weft::gossip
