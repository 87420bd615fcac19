/// Reads the setting of br_netfilter, which is 1 unless somebody changes it.
/// Source: Linux Documentation/networking/ip-sysctl.rst.

#include "bridged_iptables.hpp"

#include <weft/netlink/namespace.hpp>

namespace weft::bridge {

std::optional<doctor::Check> check_bridged_iptables() {
  const auto value = nl::read_setting("net/bridge/bridge-nf-call-iptables");
  if (!value || *value != "0") {
    return std::nullopt;
  }
  return doctor::Check{
      "bridged-iptables", doctor::State::note,
      "iptables does not see what pods of this node send each other: with kube-proxy's iptables "
      "mode they do not reach a service whose pod is on their own node",
      "sysctl -w net.bridge.bridge-nf-call-iptables=1"};
}

}  // namespace weft::bridge
