#pragma once
/// A back end that forwards nothing, for tests of sessions.

#include "common/fastdp/tunnel.hpp"

namespace weft::fastdp::testing {

struct NoForwarder final : TunnelForwarder {
  std::size_t forward(Lane& /*lane*/, PeerName /*source*/, PeerName /*destination*/,
                      std::span<const Frame> /*batch*/) noexcept override {
    return 0;
  }
  void lead_to(const std::optional<TunnelOutput>& /*output*/) override {}
};

}  // namespace weft::fastdp::testing
