#pragma once
/// Where frames from the local bridge and from overlays meet: MAC learning and routing to peers.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/lane.hpp>
#include <weft/net/mac.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/reply.hpp>

namespace weft {

/// The node's port on the local bridge. On lanes: no blocking, allocation, lock, log or throw.
class BridgePort {
 public:
  /// Puts frames on the bridge. They stay valid until the lane's flush. Returns how many were
  /// taken, a prefix; the caller drops and counts the rest.
  [[nodiscard]] virtual std::size_t inject(Lane& lane, std::span<const Frame> batch) noexcept = 0;

  virtual ~BridgePort() = default;
};

/// A run of frames with the same source and destination peer, as an overlay received them.
struct OverlayBatch {
  PeerName source{};
  PeerName destination{};
  std::span<const Frame> frames;
};

/// Provided by the host.
class Dataplane {
 public:
  static constexpr std::string_view service = "weft.dataplane/1";

  /// On a lane: frames captured on the bridge port. May need offload work.
  virtual void from_bridge(Lane& lane, std::span<const Frame> batch) noexcept = 0;
  /// On a lane: frames an overlay decapsulated.
  virtual void from_overlay(Lane& lane, const OverlayBatch& batch) noexcept = 0;

  /// Control: sets the bridge port; null removes it. Waits for the lanes.
  virtual void set_bridge_port(std::shared_ptr<BridgePort> port) = 0;

 protected:
  ~Dataplane() = default;
};

}  // namespace weft
