#pragma once
/// Which pods are attached to this node.

#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>

namespace weft::events {

/// How Kubernetes names a pod. Empty: the container runtime did not say.
struct KubernetesPod {
  std::string name_space;
  std::string name;
  std::string uid;
  bool operator==(const KubernetesPod&) const = default;
};

/// A pod's interface is on the bridge: complete, guarded if this node guards pods, and up.
///
/// Published by: cni, before ADD returns; again when CHECK or a repeated ADD finds another fact;
/// and when the plugin starts, for each pod whose port is still there. With `is_gone`, and then
/// retracted, at DEL, before the addresses are free for others, or when the port has vanished. Only
/// pods that weft-cni attached have events: one that Weave Net attached has none before its first
/// CHECK or repeated ADD, and a port that somebody put on the bridge by hand has none. A plugin
/// that attaches pods in another way publishes the same for its own. Kind: state, keyed by
/// container and interface. Order: per pod, as the publisher saw them; none between pods.
struct PodAttached {
  static constexpr std::string_view topic = "weft.pod.attached/1";

  std::string container;             ///< the container runtime's id
  std::string interface;             ///< as the pod calls it: "eth0"
  std::string port;                  ///< the host's end of the pair: "vethwepl..."
  net::Mac mac{};                    ///< of the pod's interface
  net::Mac port_mac{};               ///< of the host's end
  std::vector<net::Cidr> addresses;  ///< of the pod's interface, without link-local ones
  std::string netns;                 ///< the path of the network namespace, as the runtime gave it
  KubernetesPod kubernetes;
  bool is_gone = false;  ///< the last word of this pod: it is not attached any more

  bool operator==(const PodAttached&) const = default;

  [[nodiscard]] std::string key() const { return container + "/" + interface; }
  [[nodiscard]] std::string text() const {
    std::string line = key();
    if (!kubernetes.name.empty()) {
      line += " (" + kubernetes.name_space + "/" + kubernetes.name + ")";
    }
    if (is_gone) {
      return line + " gone from " + port;
    }
    line += " at " + port + ", " + to_string(mac);
    for (const net::Cidr& address : addresses) {
      line += ", " + to_string(address);
    }
    return line;
  }
};

}  // namespace weft::events
