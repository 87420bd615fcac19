#pragma once
/// The datapath in the kernel, over generic netlink: ports and flows.
/// Source: Linux net/openvswitch/datapath.c, include/uapi/linux/openvswitch.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include "flow.hpp"
#include "flow_table.hpp"

namespace weft::odp {

/// Numbers that the kernel gave the message families.
struct Families {
  std::uint16_t datapath = 0;
  std::uint16_t vport = 0;
  std::uint16_t flow = 0;
  std::uint16_t packet = 0;
};

/// A port of the datapath.
struct Vport {
  enum class Type : std::uint32_t { netdev = 1, internal = 2, gre = 3, vxlan = 4, geneve = 5 };

  PortNumber number = 0;
  Type type = Type::netdev;
  std::string name;
  std::uint16_t udp_port = 0;  ///< of a VXLAN port
  int interface = 0;           ///< its index, as the kernel tells it
  bool is_device = false;      ///< a tunnel interface, see TunnelPorts
};
/// "netdev", "internal", "vxlan"; "unknown" for what weft does not make.
[[nodiscard]] std::string_view to_string(Vport::Type type) noexcept;

/// One datapath. Used on one thread; requests are answered inside the call.
class Kernel final : public FlowSink {
 public:
  /// Finds the families and the datapath `name`, which is created or adopted with all its ports
  /// and flows. Errors: Errc::unsupported, naming what the kernel lacks and the remedy.
  [[nodiscard]] static Result<Kernel> open(const std::string& name);

  [[nodiscard]] const Families& families() const noexcept { return families_; }
  /// Multicast groups of NETLINK_GENERIC whose messages `is_deletion` understands.
  [[nodiscard]] const std::vector<unsigned>& groups() const noexcept { return groups_; }
  /// The datapath, or a port of it, was deleted.
  [[nodiscard]] bool is_deletion(const nlmsghdr& message) const noexcept;
  /// Makes the datapath again when another program deleted it; it has a new index then, no port, no
  /// flow, and its misses go to the same sockets. Returns whether that was so.
  /// Errors: the kernel's; Errc::conflict when something else has its name.
  [[nodiscard]] Result<bool> restore();

  /// The datapath's identity in messages: its device's interface index.
  [[nodiscard]] int index() const noexcept { return index_; }

  /// Frames without a flow go to `sockets` (netlink port ids, at least one), spread over processors
  /// where the kernel can, else over ports. Returns whether it can.
  [[nodiscard]] Result<bool> send_upcalls_to(std::vector<std::uint32_t> sockets);
  /// The same for kernels before 5.15: each port's frames go to one socket. Also those of ports
  /// that are added later.
  [[nodiscard]] Result<> send_upcalls_by_port(std::vector<std::uint32_t> sockets);

  /// Where flows send frames up to, once send_upcalls_to was called.
  [[nodiscard]] std::uint32_t upcall_port() const noexcept { return upcall_port_; }
  /// The kernel knows CheckLength: Linux 5.2.
  [[nodiscard]] bool can_check_length() const noexcept { return can_check_length_; }

  /// In the kernel's order, which is that of their numbers.
  [[nodiscard]] Result<std::vector<Vport>> vports();
  /// Adds a port, with the number that it asks for when that is free; 0: any. One of that name,
  /// type and UDP port is adopted. Errors: the kernel's; EAFNOSUPPORT when it has no such type.
  [[nodiscard]] Result<PortNumber> ensure_vport(const Vport& wanted);
  /// Succeeds when there is none.
  [[nodiscard]] Result<> delete_vport(PortNumber number);
  /// Deletes the datapath when it has no port but its own, so that nothing uses it.
  [[nodiscard]] Result<> delete_if_empty();

  [[nodiscard]] std::vector<Result<>> apply(std::span<const FlowChange> changes) override;
  [[nodiscard]] Result<std::vector<KernelFlow>> dump() override;

 private:
  Kernel(nl::Socket socket, std::string name)
      : socket_(std::move(socket)), name_(std::move(name)) {}

  [[nodiscard]] Result<std::uint16_t> family(std::string_view name);
  [[nodiscard]] Result<> ensure_datapath();
  [[nodiscard]] Result<> add_vport(const Vport& wanted);
  [[nodiscard]] nl::Message to_message(const FlowChange& change) const;
  [[nodiscard]] Result<> find_features();
  [[nodiscard]] Result<> send_upcalls_of(const Vport& port);

  nl::Socket socket_;
  std::string name_;
  Families families_;
  std::vector<unsigned> groups_;
  int index_ = 0;
  std::uint32_t upcall_port_ = 0;
  bool can_check_length_ = false;
  std::vector<std::uint32_t> upcall_sockets_;
};

}  // namespace weft::odp
