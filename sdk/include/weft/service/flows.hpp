#pragma once
/// What the dataplane would do with a frame, for those who have a kernel do it: see
/// weft.datapath/1. A decision is about a flow: all frames with the same addresses and origin.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <weft/function.hpp>
#include <weft/net/mac.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/service/overlay.hpp>

namespace weft {

/// One copy of the flow's frames for the peer `destination`.
struct FlowHop {
  std::shared_ptr<Forwarder> forwarder;  ///< the best one towards the next hop
  PeerName destination{};
};

/// What becomes of a flow.
struct FlowDecision {
  enum class Certainty : std::uint8_t {
    settled,  ///< holds until the planner says that something changed
    unknown,  ///< an address or a route is not known: each frame has to be looked at
    refuted,  ///< its source lives elsewhere: a rule for it is out of date
  };

  Certainty certainty = Certainty::unknown;
  bool is_delivered = false;    ///< a copy goes to the local bridge
  PeerName origin{};            ///< the source peer, as overlays name it
  std::vector<FlowHop> hops{};  ///< settled with neither: dropped
};

/// A MAC that a kernel saw frames from, and its peer.
struct MacSighting {
  net::Mac mac;
  PeerName peer{};
};

/// Ends FlowPlanner::watch when destroyed, outside of the handler.
class [[nodiscard]] FlowWatch {
 public:
  struct Node {
    virtual ~Node() = default;
  };
  FlowWatch() = default;
  explicit FlowWatch(std::unique_ptr<Node> node) : node_(std::move(node)) {}

 private:
  std::unique_ptr<Node> node_;
};

/// Provided by the host. Control: any plugin loop.
class FlowPlanner {
 public:
  static constexpr std::string_view service = "weft.flows/1";

  /// Frames that enter from the local bridge.
  [[nodiscard]] virtual FlowDecision captured(net::Mac source, net::Mac destination) const = 0;
  /// Frames that an overlay received, from peer `origin` for peer `destination`. Those for another
  /// peer are relayed whatever their MACs.
  [[nodiscard]] virtual FlowDecision received(PeerName origin, PeerName destination,
                                              net::Mac source, net::Mac target) const = 0;

  /// Keeps MACs known whose frames no lane sees any more. Those known at another peer stay there:
  /// only a frame moves them.
  virtual void heard(std::vector<MacSighting> sightings) = 0;

  /// Calls `on_change` on `loop` soon after decisions may have changed; changes that come together
  /// are one call.
  [[nodiscard]] virtual FlowWatch watch(Loop& loop, Task on_change) = 0;

 protected:
  ~FlowPlanner() = default;
};

}  // namespace weft
