#pragma once
/// Pods' ports on the host as the kernel knows them, and whose they are. Errors are the kernel's.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::cni {

/// The host's end of a veth pair.
struct Port {
  nl::Link link;  ///< `peer` is the other end's index, in its own namespace
  std::string alias;
  /// The namespace of the other end, by the id that the host's namespace has for it.
  /// Empty: the host's own.
  std::optional<int> netns;
};

/// Reads an RTM_NEWLINK message; empty for anything but a veth end.
[[nodiscard]] std::optional<Port> parse_port(const nlmsghdr& message);
/// Whether its alias or its name says that a pod is behind it.
[[nodiscard]] bool is_pods(const Port& port) noexcept;

/// The veth end of that name or index in the namespace of `socket`. Empty when there is none.
[[nodiscard]] Result<std::optional<Port>> find_port(nl::Socket& socket, std::string_view name);
[[nodiscard]] Result<std::optional<Port>> find_port(nl::Socket& socket, int index);

/// Every veth end in the namespace of `socket`, and those that are ports of the bridge with that
/// index.
[[nodiscard]] Result<std::vector<Port>> list_ports(nl::Socket& socket);
[[nodiscard]] Result<std::vector<Port>> list_ports(nl::Socket& socket, int bridge);

[[nodiscard]] Result<> set_alias(nl::Socket& socket, int index, std::string_view alias);

/// The id that the namespace of `socket` has for the one behind the descriptor. Empty: none yet.
[[nodiscard]] Result<std::optional<int>> netns_id(nl::Socket& socket, int descriptor);

/// The name of the port's other end, wherever it is. Empty when its namespace is gone: the kernel
/// is about to remove the pair.
[[nodiscard]] Result<std::optional<std::string>> far_name(nl::Socket& socket, const Port& port);

/// The addresses of the port's other end, without link-local ones. Empty when its namespace is
/// gone.
[[nodiscard]] Result<std::vector<net::Cidr>> far_addresses(const Port& port);

}  // namespace weft::cni
