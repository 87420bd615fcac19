#pragma once
/// Network interfaces over rtnetlink. Every function talks to the network namespace of `socket`
/// (protocol NETLINK_ROUTE) and returns the kernel's errors.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/mac.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

namespace weft::nl {

/// What a VXLAN interface is made for.
struct Vxlan {
  std::uint16_t udp_port = 0;  ///< where it receives, and sends to
  bool is_external = false;    ///< each packet says where it goes, as Open vSwitch and BPF have it
  bool is_learning = false;    ///< from the packets that it receives
};

struct Link {
  int index = 0;
  std::string name = {};
  std::string kind;  ///< "bridge", "veth", "tun", ...; empty for hardware
  net::Mac mac;
  std::uint32_t mtu = 0;
  int master = 0;  ///< index of the bridge it is a port of; 0: none
  int peer = 0;    ///< index of the other end of a veth, in its own namespace
  bool is_up = false;
  bool is_hairpin = false;  ///< of a bridge port
  std::optional<Vxlan> vxlan = {};
};

/// Reads an RTM_NEWLINK or RTM_DELLINK message; empty for anything else.
[[nodiscard]] std::optional<Link> parse_link(const nlmsghdr& message);

/// Empty when there is none.
[[nodiscard]] Result<std::optional<Link>> find_link(Socket& socket, std::string_view name);
[[nodiscard]] Result<std::optional<Link>> find_link(Socket& socket, int index);
/// As find_link, with ENODEV when there is none.
[[nodiscard]] Result<Link> require_link(Socket& socket, std::string_view name);
[[nodiscard]] Result<std::vector<Link>> list_links(Socket& socket);

/// What to change; fields without value stay.
struct LinkChange {
  std::optional<std::string> name = {};  ///< only while the link is down
  std::optional<net::Mac> mac = {};
  std::optional<std::uint32_t> mtu = {};
  std::optional<int> master = {};  ///< a bridge's index; 0 releases the port
  std::optional<bool> up = {};
  std::optional<int> netns_fd = {};  ///< moves the link there, where it gets a new index
};

[[nodiscard]] Result<> change_link(Socket& socket, int index, const LinkChange& change);
/// Errors: ENODEV.
[[nodiscard]] Result<> delete_link(Socket& socket, int index);

/// Errors: EEXIST.
[[nodiscard]] Result<> create_bridge(Socket& socket, std::string_view name);

struct VethEnd {
  std::string name = {};
  std::optional<net::Mac> mac = {};
  std::uint32_t mtu = 0;             ///< 0: the kernel's default
  std::optional<int> netns_fd = {};  ///< created there rather than in the socket's namespace
};
/// Both ends are created, down. Errors: EEXIST.
[[nodiscard]] Result<> create_veth(Socket& socket, const VethEnd& host, const VethEnd& peer);

/// An external VXLAN interface that does not learn, accepts UDP over IPv6 without checksums, leaves
/// lengths to who sends (MTU 65535) and is up. Errors: EEXIST, of the name, or of an interface like
/// it at the same port; EADDRINUSE; EOPNOTSUPP when the kernel has no VXLAN.
[[nodiscard]] Result<> create_external_vxlan(Socket& socket, std::string_view name,
                                             std::uint16_t udp_port);

/// Lets a bridge port send frames back out of itself (a pod that reaches itself by a service).
[[nodiscard]] Result<> set_hairpin(Socket& socket, int port, bool is_on);

}  // namespace weft::nl
