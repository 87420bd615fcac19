/// Talks to the kernel's Open vSwitch families.

#include "kernel.hpp"

#include <linux/genetlink.h>
#include <linux/openvswitch.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "flow_codec.hpp"

namespace weft::odp {
namespace {

/// What every message of the families begins with.
struct OvsMessage {
  genlmsghdr generic;
  ovs_header datapath;
};
constexpr std::size_t header_bytes = sizeof(OvsMessage);
/// Of an upcall that goes to the processor's socket.
constexpr std::uint32_t any_port = UINT32_MAX;
/// Of a flow that no frame matches: no port has it.
constexpr PortNumber no_port = 65534;

nl::Message make_message(std::uint16_t family, std::uint8_t command, std::uint8_t version,
                         int datapath, std::uint16_t flags = 0) {
  nl::Message message(family, flags);
  auto& header = message.extra_header<OvsMessage>();
  header.generic.cmd = command;
  header.generic.version = version;
  header.datapath.dp_ifindex = datapath;
  return message;
}

std::optional<Vport> parse_vport(const nlmsghdr& message) {
  Vport port;
  bool has_number = false;
  nl::AttributeReader attributes(message, header_bytes);
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case OVS_VPORT_ATTR_PORT_NO:
        port.number = attribute->number<std::uint32_t>().value_or(0);
        has_number = true;
        break;
      case OVS_VPORT_ATTR_TYPE:
        port.type = Vport::Type{attribute->number<std::uint32_t>().value_or(0)};
        break;
      case OVS_VPORT_ATTR_NAME:
        port.name = attribute->text();
        break;
      case OVS_VPORT_ATTR_IFINDEX:
        port.interface = attribute->number<int>().value_or(0);
        break;
      case OVS_VPORT_ATTR_OPTIONS: {
        nl::AttributeReader options(attribute->value);
        while (const auto option = options.next()) {
          if (option->type == OVS_TUNNEL_ATTR_DST_PORT) {
            port.udp_port = option->number<std::uint16_t>().value_or(0);
          }
        }
        break;
      }
      default:
        break;
    }
  }
  return has_number ? std::optional(port) : std::nullopt;
}

std::optional<KernelFlow> parse_flow_message(const nlmsghdr& message) {
  return parse_flow(nl::AttributeReader(message, header_bytes));
}

/// Numbers of a family's multicast groups, from CTRL_ATTR_MCAST_GROUPS.
std::vector<unsigned> parse_groups(ByteView list) {
  std::vector<unsigned> groups;
  nl::AttributeReader reader(list);
  while (const auto group = reader.next()) {
    nl::AttributeReader fields(group->value);
    while (const auto field = fields.next()) {
      if (field->type == CTRL_ATTR_MCAST_GRP_ID) {
        groups.push_back(field->number<std::uint32_t>().value_or(0));
      }
    }
  }
  return groups;
}

/// Everything that `dump` asks for and `parse` understands.
template <class T>
Result<std::vector<T>> list(nl::Socket& socket, nl::Message dump,
                            std::optional<T> (*parse)(const nlmsghdr&), std::string_view doing) {
  std::vector<T> found;
  WEFT_TRY(socket.query(
      dump,
      [&](const nlmsghdr& message) {
        if (auto one = parse(message)) {
          found.push_back(*std::move(one));
        }
      },
      doing));
  return found;
}

}  // namespace

std::string_view to_string(Vport::Type type) noexcept {
  switch (type) {
    case Vport::Type::netdev:
      return "netdev";
    case Vport::Type::internal:
      return "internal";
    case Vport::Type::gre:
      return "gre";
    case Vport::Type::vxlan:
      return "vxlan";
    case Vport::Type::geneve:
      return "geneve";
  }
  return "unknown";
}

Result<std::uint16_t> Kernel::family(std::string_view name) {
  nl::Message message(GENL_ID_CTRL, 0);
  auto& header = message.extra_header<genlmsghdr>();
  header.cmd = CTRL_CMD_GETFAMILY;
  header.version = 1;
  message.put_text(CTRL_ATTR_FAMILY_NAME, name);
  std::uint16_t id = 0;
  std::vector<unsigned> groups;
  // Asking makes the kernel load the module when it may.
  const auto found = socket_.query(
      message,
      [&](const nlmsghdr& answer) {
        nl::AttributeReader attributes(answer, sizeof(genlmsghdr));
        while (const auto attribute = attributes.next()) {
          if (attribute->type == CTRL_ATTR_FAMILY_ID) {
            id = attribute->number<std::uint16_t>().value_or(0);
          } else if (attribute->type == CTRL_ATTR_MCAST_GROUPS) {
            groups = parse_groups(attribute->value);
          }
        }
      },
      fmt::format("find the netlink family '{}'", name));
  if (!found && found.error().code != std::errc::no_such_file_or_directory) {
    return tl::unexpected(found.error());
  }
  if (id == 0) {
    return fail(Errc::unsupported,
                "use the fast datapath: this kernel has no Open vSwitch; load the module "
                "'openvswitch' on the host, or take 'odp' out of the list of plugins");
  }
  if (name == OVS_DATAPATH_FAMILY || name == OVS_VPORT_FAMILY) {
    groups_.insert(groups_.end(), groups.begin(), groups.end());
  }
  return id;
}

Result<Kernel> Kernel::open(const std::string& name) {
  auto socket = nl::Socket::open(NETLINK_GENERIC);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  Kernel kernel(*std::move(socket), name);
  WEFT_TRY(kernel.families_.datapath, kernel.family(OVS_DATAPATH_FAMILY));
  WEFT_TRY(kernel.families_.vport, kernel.family(OVS_VPORT_FAMILY));
  WEFT_TRY(kernel.families_.flow, kernel.family(OVS_FLOW_FAMILY));
  WEFT_TRY(kernel.families_.packet, kernel.family(OVS_PACKET_FAMILY));
  WEFT_TRY(kernel.ensure_datapath());
  WEFT_TRY(kernel.find_features());
  return kernel;
}

bool Kernel::is_deletion(const nlmsghdr& message) const noexcept {
  const auto* const header = nl::extra_header<OvsMessage>(message);
  return header != nullptr && header->datapath.dp_ifindex == index_ &&
         ((message.nlmsg_type == families_.datapath && header->generic.cmd == OVS_DP_CMD_DEL) ||
          (message.nlmsg_type == families_.vport && header->generic.cmd == OVS_VPORT_CMD_DEL));
}

Result<bool> Kernel::restore() {
  const int before = index_;
  WEFT_TRY(ensure_datapath());
  if (index_ == before) {
    return false;
  }
  if (auto sent = send_upcalls_to(upcall_sockets_); !sent) {
    index_ = before;  // still to be done when it is tried again
    return tl::unexpected(std::move(sent).error());
  }
  return true;
}

Result<> Kernel::ensure_datapath() {
  nl::Message create = make_message(families_.datapath, OVS_DP_CMD_NEW, OVS_DATAPATH_VERSION, 0);
  create.put_text(OVS_DP_ATTR_NAME, name_)
      .put_number(OVS_DP_ATTR_UPCALL_PID, std::uint32_t{0})
      .put_number(OVS_DP_ATTR_USER_FEATURES,
                  std::uint32_t{OVS_DP_F_UNALIGNED | OVS_DP_F_VPORT_PIDS});
  const auto created = socket_.request(create, fmt::format("create the datapath '{}'", name_));
  if (!created && created.error().code != std::errc::file_exists) {
    return created;
  }
  nl::Message get = make_message(families_.datapath, OVS_DP_CMD_GET, OVS_DATAPATH_VERSION, 0);
  get.put_text(OVS_DP_ATTR_NAME, name_);
  const auto found = socket_.query(
      get,
      [this](const nlmsghdr& answer) {
        if (const auto* const header = nl::extra_header<OvsMessage>(answer)) {
          index_ = header->datapath.dp_ifindex;
        }
      },
      fmt::format("look up the datapath '{}'", name_));
  if (!found && found.error().code == std::errc::no_such_device) {
    return fail(Errc::conflict, fmt::format("create the datapath '{}': an interface of that name "
                                            "is something else; remove it",
                                            name_));
  }
  return found;
}

Result<> Kernel::send_upcalls_of(const Vport& port) {
  nl::Message set = make_message(families_.vport, OVS_VPORT_CMD_SET, OVS_VPORT_VERSION, index_);
  set.put_number(OVS_VPORT_ATTR_PORT_NO, port.number)
      .put_number(OVS_VPORT_ATTR_UPCALL_PID, upcall_sockets_[port.number % upcall_sockets_.size()]);
  return socket_.request(set, fmt::format("take the misses of port '{}'", port.name));
}

Result<> Kernel::send_upcalls_by_port(std::vector<std::uint32_t> sockets) {
  upcall_sockets_ = std::move(sockets);
  upcall_port_ = upcall_sockets_.front();
  std::vector<Vport> ports;
  WEFT_TRY(ports, vports());
  for (const Vport& port : ports) {
    WEFT_TRY(send_upcalls_of(port));
  }
  return {};
}

Result<bool> Kernel::send_upcalls_to(std::vector<std::uint32_t> sockets) {
  WEFT_TRY(send_upcalls_by_port(std::move(sockets)));
  nl::Message set = make_message(families_.datapath, OVS_DP_CMD_SET, OVS_DATAPATH_VERSION, index_);
  set.put_number(OVS_DP_ATTR_USER_FEATURES, std::uint32_t{OVS_DP_F_UNALIGNED | OVS_DP_F_VPORT_PIDS |
                                                          OVS_DP_F_DISPATCH_UPCALL_PER_CPU})
      .put(OVS_DP_ATTR_PER_CPU_PIDS, std::as_bytes(std::span(upcall_sockets_)));
  // Kernels before 5.15 do not know the feature.
  const bool is_per_cpu = socket_.request(set, "spread misses over processors").has_value();
  upcall_port_ = is_per_cpu ? any_port : upcall_port_;
  return is_per_cpu;
}

Result<std::vector<Vport>> Kernel::vports() {
  return list(
      socket_,
      make_message(families_.vport, OVS_VPORT_CMD_GET, OVS_VPORT_VERSION, index_, NLM_F_DUMP),
      parse_vport, "list the ports of the datapath");
}

Result<> Kernel::add_vport(const Vport& wanted) {
  nl::Message add = make_message(families_.vport, OVS_VPORT_CMD_NEW, OVS_VPORT_VERSION, index_);
  if (wanted.number != 0) {
    add.put_number(OVS_VPORT_ATTR_PORT_NO, wanted.number);
  }
  add.put_text(OVS_VPORT_ATTR_NAME, wanted.name)
      .put_number(OVS_VPORT_ATTR_TYPE, static_cast<std::uint32_t>(wanted.type))
      .nest(OVS_VPORT_ATTR_OPTIONS,
            [&] {
              if (wanted.udp_port != 0) {
                add.put_number(OVS_TUNNEL_ATTR_DST_PORT, wanted.udp_port);
              }
            })
      .put_number(OVS_VPORT_ATTR_UPCALL_PID, std::uint32_t{0});
  return socket_.request(add, fmt::format("add the port '{}' to the datapath", wanted.name));
}

Result<PortNumber> Kernel::ensure_vport(const Vport& wanted) {
  const auto find = [&]() -> Result<std::optional<Vport>> {
    std::vector<Vport> ports;
    WEFT_TRY(ports, vports());
    const auto at = std::ranges::find_if(ports, [&wanted](const Vport& port) {
      return port.name == wanted.name && port.type == wanted.type &&
             port.udp_port == wanted.udp_port;
    });
    return at != ports.end() ? std::optional(*at) : std::nullopt;
  };
  std::optional<Vport> found;
  WEFT_TRY(found, find());
  if (found) {
    return found->number;
  }
  auto added = add_vport(wanted);
  if (!added && wanted.number != 0 && added.error().code == std::errc::device_or_resource_busy) {
    Vport elsewhere = wanted;
    elsewhere.number = 0;
    added = add_vport(elsewhere);
  }
  WEFT_TRY(added);
  WEFT_TRY(found, find());
  if (!found) {
    return fail(ENODEV, fmt::format("add the port '{}' to the datapath", wanted.name));
  }
  if (!upcall_sockets_.empty()) {
    WEFT_TRY(send_upcalls_of(*found));
  }
  return found->number;
}

Result<> Kernel::delete_vport(PortNumber number) {
  nl::Message erase = make_message(families_.vport, OVS_VPORT_CMD_DEL, OVS_VPORT_VERSION, index_);
  erase.put_number(OVS_VPORT_ATTR_PORT_NO, number);
  const auto erased = socket_.request(erase, "delete a port of the datapath");
  return !erased && erased.error().code == std::errc::no_such_device ? Result<>{} : erased;
}

Result<> Kernel::delete_if_empty() {
  std::vector<Vport> ports;
  WEFT_TRY(ports, vports());
  if (ports.size() > 1) {
    return {};
  }
  nl::Message erase =
      make_message(families_.datapath, OVS_DP_CMD_DEL, OVS_DATAPATH_VERSION, index_);
  return socket_.request(erase, fmt::format("delete the datapath '{}'", name_));
}

Result<> Kernel::find_features() {
  const FlowKey unused{.in_port = no_port};
  nl::Message probe = to_message({unused, Actions{CheckLength{1500, any_port}, Output{0}}});
  probe.put(OVS_FLOW_ATTR_PROBE, {});  // the kernel's log says nothing when it refuses
  can_check_length_ = socket_.request(probe, "measure frames").has_value();
  const FlowChange deletion{unused, std::nullopt};
  return can_check_length_ ? apply({&deletion, 1}).front() : Result<>{};
}

nl::Message Kernel::to_message(const FlowChange& change) const {
  // With NLM_F_CREATE the kernel would refuse to replace the actions of a flow that is there.
  nl::Message message =
      make_message(families_.flow, change.actions ? OVS_FLOW_CMD_NEW : OVS_FLOW_CMD_DEL,
                   OVS_FLOW_VERSION, index_);
  put_key(message, change.key);
  if (change.actions) {
    put_actions(message, OVS_FLOW_ATTR_ACTIONS, *change.actions);
  }
  return message;
}

std::vector<Result<>> Kernel::apply(std::span<const FlowChange> changes) {
  std::vector<Result<>> outcomes;
  for (std::size_t at = 0; at < changes.size(); at += nl::Socket::requests_at_once) {
    std::vector<nl::Message> messages;
    for (const FlowChange& change :
         changes.subspan(at, std::min(nl::Socket::requests_at_once, changes.size() - at))) {
      messages.push_back(to_message(change));
    }
    auto some = socket_.request_all(messages, "change a flow of the datapath");
    std::ranges::move(some, std::back_inserter(outcomes));
  }
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const bool is_absent =
        !outcomes[i] && outcomes[i].error().code == std::errc::no_such_file_or_directory;
    if (!changes[i].actions && is_absent) {
      outcomes[i] = {};
    }
  }
  return outcomes;
}

Result<std::vector<KernelFlow>> Kernel::dump() {
  return list(socket_,
              make_message(families_.flow, OVS_FLOW_CMD_GET, OVS_FLOW_VERSION, index_, NLM_F_DUMP),
              parse_flow_message, "list the flows of the datapath");
}

}  // namespace weft::odp
