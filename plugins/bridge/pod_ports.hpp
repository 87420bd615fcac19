#pragma once
/// Pods' ports stay as they were attached: on the bridge, up, with room for what their pods send.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "common/doctor/check.hpp"

namespace weft::bridge {

/// What is wrong with a port, or was.
struct PodPortFault {
  std::string what;  ///< one sentence without full stop
  std::string port;
  std::string pod;  ///< "CONTAINER-ID/INTERFACE"; empty when nothing says whose it is
};

/// Follows the ports of one bridge. What weft-cni is still making is left to it: a port counts when
/// it has been seen on the bridge and up. Used on one thread, in the namespace of the socket.
class PodPorts {
 public:
  /// Puts back what others changed, and returns that; then what is wrong and stays so, as somebody
  /// may mean it or only the pod's runtime can mend it.
  [[nodiscard]] Result<std::vector<PodPortFault>> check(nl::Socket& socket,
                                                        std::string_view bridge);
  /// For `weft doctor`; changes nothing. `owned`: the address ranges of this node, empty when not
  /// known. No port is to be attached whose pod has the address of another pod or of another node.
  [[nodiscard]] static Result<std::vector<doctor::Check>> checks(
      nl::Socket& socket, std::string_view bridge, const std::vector<net::Cidr>& owned);

 private:
  std::map<int, std::uint32_t> attached_;  ///< MTU by index
};

}  // namespace weft::bridge
