/// Declares the control commands of weft-cni.

#include "command_parameters.hpp"

#include <limits>
#include <utility>

namespace weft::cni {
namespace {

constexpr std::size_t max_pod_addresses = 16;

CommandInfo pod_command(std::string name, std::string help) {
  return {std::move(name),
          std::move(help),
          "object",
          {{"addresses[].address", "The pod's, with the prefix length of its network."},
           {"addresses[].gateway", "The bridge's address in that network."},
           {"addresses[].routes", "Destinations, with gateways that differ."},
           {"mtu", "Of the pod's interface."},
           {"bridge", "The bridge to attach it to."},
           {"guard", "Whether to call cni.guard before the interface is up."},
           {"attempt", "cni.add: names the call for cni.undo."}}};
}

CommandInfo empty_command(std::string name, std::string help) {
  return {std::move(name), std::move(help), "object", {}};
}

Result<> check_container(const std::string& id) {
  return is_container_id(id)
             ? Result<>()
             : fail(Errc::invalid,
                    "read field 'container_id': want letters, digits, '_', '.' and '-'");
}

Result<> check_interface(const char* field, const std::string& name) {
  return is_interface_name(name)
             ? Result<>()
             : fail(Errc::invalid, std::string("read field '") + field +
                                       "': want 1 to 15 characters without '/', ':', '%' and "
                                       "spaces");
}

Result<> check_count(std::size_t addresses) {
  return addresses <= max_pod_addresses
             ? Result<>()
             : fail(Errc::invalid, "read field 'addresses': it must be a list of at most " +
                                       std::to_string(max_pod_addresses) + " addresses");
}

}  // namespace

void PodParameters::describe(Schema& schema) {
  schema.required("container_id", request.container_id, "The container's ID.");
  schema.field("ifname", request.interface, "The interface as the pod calls it.");
  schema.field("subnet", request.subnet,
               "cni.add: where to allocate; the default subnet unless given.");
  schema.field("addresses", request.addresses,
               "cni.network: what another IPAM plugin gave the pod. Others: what ADD answered.");
  schema.field("attempt", attempt, "cni.undo: which cni.add.");
  schema.field("port", request.has_port, "cni.add: weft-cni makes the pod's interface.");
}

Result<> PodParameters::validate() {
  WEFT_TRY(check_container(request.container_id));
  if (!request.interface.empty()) {
    WEFT_TRY(check_interface("ifname", request.interface));
  }
  WEFT_TRY(check_count(request.addresses.size()));
  if (attempt < 0) {
    return fail(Errc::invalid, "read field 'attempt': want what cni.add answered");
  }
  request.attempt = static_cast<std::uint64_t>(attempt);
  return {};
}

void PortParameters::describe(Schema& schema) {
  schema.required("port", port.port, "The interface's name on the host.");
  schema.required("mac", mac, "The MAC address of the pod's end.");
  schema.required("addresses", addresses, "The pod's addresses.");
  schema.field("guard", port.guard, "False: let the pod send whatever it likes.");
}

Result<> PortParameters::validate() {
  WEFT_TRY(port.mac, net::parse_mac(mac));
  WEFT_TRY(check_count(addresses.size()));
  for (const std::string& text : addresses) {
    net::IpAddress address;
    WEFT_TRY(address, net::parse_ip(text));
    port.addresses.push_back(address);
  }
  return {};
}

void AttachedParameters::describe(Schema& schema) {
  schema.required("container_id", pod.container, "The container's ID.");
  schema.required("ifname", pod.interface, "The interface as the pod calls it.");
  schema.required("port", pod.port, "The interface's name on the host.");
  schema.required("mac", mac, "The MAC address of the pod's end.");
  schema.required("port_mac", port_mac, "The MAC address of the host's end.");
  schema.field("addresses", pod.addresses, "The pod's addresses.");
  schema.field("netns", pod.netns, "The path of the pod's network namespace.");
  schema.field("k8s_namespace", pod.kubernetes.name_space, "Kubernetes namespace of the pod.");
  schema.field("k8s_pod", pod.kubernetes.name, "Name of the pod in Kubernetes.");
  schema.field("k8s_uid", pod.kubernetes.uid, "UID of the pod in Kubernetes.");
}

Result<> AttachedParameters::validate() {
  WEFT_TRY(check_container(pod.container));
  WEFT_TRY(check_interface("ifname", pod.interface));
  WEFT_TRY(check_interface("port", pod.port));
  WEFT_TRY(check_count(pod.addresses.size()));
  WEFT_TRY(pod.mac, net::parse_mac(mac));
  WEFT_TRY(pod.port_mac, net::parse_mac(port_mac));
  return {};
}

CommandInfo attached_command() {
  return empty_command("cni.attached", "Says that a pod's interface is complete and up.");
}

CommandInfo add_command() {
  return pod_command("cni.add", "Allocates an address for a pod; waits for one if need be.");
}

CommandInfo check_command() {
  return pod_command("cni.check", "Says how a pod is attached; no address: it holds none.");
}

CommandInfo network_command() {
  return pod_command("cni.network",
                     "Says how to attach a pod that has its address from elsewhere.");
}

CommandInfo undo_command() {
  return empty_command("cni.undo", "Takes one cni.add back, whether it was answered or not.");
}

CommandInfo release_command() {
  return empty_command("cni.release", "Frees the addresses of a pod.");
}

CommandInfo guard_command() {
  return empty_command("cni.guard", "Says what a pod may send by its port.");
}

CommandInfo guarded_command() {
  return {"cni.guarded",
          "The ports of pods that are guarded.",
          "list of objects",
          {{"port", "The interface's name on the host."},
           {"mac", "What the pod may send from."},
           {"addresses", "What the pod may send from."}}};
}

CommandInfo status_command() {
  return {"cni.status",
          "What the plugin counts.",
          "object",
          {{"Reclaimed", "Addresses of pods that ended without a DEL, and were freed."}}};
}

}  // namespace weft::cni
