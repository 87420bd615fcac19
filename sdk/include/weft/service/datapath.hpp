#pragma once
/// A kernel datapath that forwards between the local bridge and overlays by itself.

#include <cstdint>
#include <string>
#include <string_view>

#include <weft/reply.hpp>

namespace weft {

/// The ports that the bridge gives to a datapath. Interface names in the node's network namespace.
struct DatapathPorts {
  std::string bridge;     ///< frames of the bridge; the other end of a veth pair on it
  std::string router;     ///< the tap whose frames the dataplane handles on lanes
  std::uint32_t mtu = 0;  ///< largest IP packet of the pods, bytes
};

/// Control: any plugin loop.
class Datapath {
 public:
  static constexpr std::string_view service = "weft.datapath/1";

  /// Makes both interfaces ports, adopting what is there already, and begins to forward. Once for
  /// each start of the bridge. Errors: the kernel's.
  virtual void join(DatapathPorts ports, Reply<> reply) = 0;
  /// Lets go of both.
  virtual void leave(Reply<> reply) = 0;

 protected:
  ~Datapath() = default;
};

}  // namespace weft
