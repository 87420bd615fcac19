#pragma once
/// The bridge device and its addresses, as the kernel has them.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "link_settings.hpp"

namespace weft::bridge {

/// What is wrong with the devices, and was put right when it could be.
struct Repair {
  std::vector<std::string> warnings;  ///< one sentence each
};

/// Owns a netlink socket in the namespace where it was opened. Used on one thread. The bridge
/// itself outlives this object: pods stay attached while the node restarts.
class LinuxBridge {
 public:
  struct Settings {
    std::string name;
    net::Mac mac;
    std::uint32_t mtu = 0;
    std::string port;  ///< name of the router's port
    /// MACs that the bridge learns; frames for others go to every port. Linux keeps to it
    /// since 6.7.
    std::uint32_t max_learned = 65'536;
  };

  /// Weave Net's names of the veth pair between bridge and datapath.
  static constexpr std::string_view near_end = "vethwe-bridge";
  static constexpr std::string_view far_end = "vethwe-datapath";

  [[nodiscard]] static Result<LinuxBridge> open(Settings settings);

  /// Creates the bridge, or adopts the one there is, pods and addresses included. What the node can
  /// do without is tried; what of it failed, the next check says. Errors: Errc::conflict when its
  /// name or that of the router's port belongs to something else.
  [[nodiscard]] Result<> ensure();
  /// Makes the router's port, which exists already, a port of the bridge; then both are up. The
  /// way to a datapath, if there is one, goes away: frames would travel twice.
  [[nodiscard]] Result<> attach_port();
  /// Makes the near end of a veth pair the router's port instead, created or adopted; returns the
  /// far end, which is up, for a datapath. The port before is released and stays up.
  [[nodiscard]] Result<std::string> attach_datapath();

  /// For attach_port and attach_datapath, called next: the pods' MTU from then on.
  void set_mtu(std::uint32_t mtu) noexcept { settings_.mtu = mtu; }

  /// Compares the devices and the kernel's settings with what they should be, and puts right what
  /// others changed. Errors: ENODEV when a device is gone; Errc::conflict when something else has
  /// its name.
  [[nodiscard]] Result<Repair> check();

  /// Adds the address and announces it.
  [[nodiscard]] Result<> add_address(const net::Cidr& address);
  [[nodiscard]] Result<> delete_address(const net::Cidr& address);
  /// Adds the route to the network of an address that the bridge has, as the kernel does with the
  /// address. Whether it was missing.
  [[nodiscard]] Result<bool> add_route(const net::Cidr& address);
  /// Adds the route by which the kernel knows an IPv4 address of the bridge as its own, as it does
  /// with the address. Whether it was missing.
  [[nodiscard]] Result<bool> add_local_route(const net::IpAddress& address);
  /// Without link-local ones, which the kernel makes itself.
  [[nodiscard]] Result<std::vector<net::Cidr>> addresses();

  [[nodiscard]] Result<nl::Link> link() { return nl::require_link(socket_, settings_.name); }
  /// What connects the bridge with the network: the router's port, or the way to a datapath.
  /// Errors: ENODEV when it is gone; Errc::conflict when something else has its name.
  [[nodiscard]] Result<nl::Link> port();
  [[nodiscard]] const std::string& port_name() const noexcept { return port_; }
  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  [[nodiscard]] nl::Socket& socket() noexcept { return socket_; }

 private:
  LinuxBridge(Settings settings, nl::Socket socket)
      : settings_(std::move(settings)), port_(settings_.port), socket_(std::move(socket)) {}

  /// Room for what pods send that kept a larger MTU than the bridge has now.
  [[nodiscard]] Result<std::uint32_t> port_mtu(int bridge);
  [[nodiscard]] Result<> tune();
  [[nodiscard]] Result<> bound_learning();
  /// Switches off what the kernel would send by itself from an interface without address.
  void silence(std::string_view interface);
  [[nodiscard]] Result<> bring_up();
  /// Remembers, for the next check, that something failed which the node can do without.
  void tolerate(const Result<>& outcome, std::string_view cost);

  // Parts of check.
  [[nodiscard]] Result<> check_bridge(const nl::Link& bridge, Repair& repair);
  [[nodiscard]] Result<> check_port(const nl::Link& port, std::uint32_t mtu, int bridge,
                                    Repair& repair);
  [[nodiscard]] Result<> check_far_ends(std::uint32_t mtu, Repair& repair);
  [[nodiscard]] Result<> check_up(const nl::Link& link, std::uint32_t mtu, std::string_view what,
                                  Repair& repair);
  [[nodiscard]] Result<> check_settings(int index, LinkRole role, Repair& repair);
  [[nodiscard]] Result<> check_forwarding(Repair& repair);
  [[nodiscard]] Result<std::set<std::string>> uplinks();
  [[nodiscard]] Result<> check_predecessor(int bridge, Repair& repair);

  Settings settings_;
  std::string port_;
  nl::Socket socket_;
  std::vector<std::string> tolerated_;  // failures since the last check
};

}  // namespace weft::bridge
