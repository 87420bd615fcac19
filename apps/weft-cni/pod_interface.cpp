/// Creates, removes and verifies a pod's interface over netlink.

#include "pod_interface.hpp"

#include <linux/netlink.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/namespace.hpp>
#include <weft/netlink/route.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace weft::cni {
namespace {

Result<bool> is_own_namespace(const std::string& path) {
  struct stat theirs{};
  struct stat ours{};
  if (::stat(path.c_str(), &theirs) != 0) {
    return fail(errno, "access namespace '" + path + "'");
  }
  if (::stat("/proc/thread-self/ns/net", &ours) != 0) {
    return fail(errno, "access the host's network namespace");
  }
  return theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

/// Best effort: kernels without IPv6 or neighbour settings per interface work as well.
void ignore_advertisements(std::string_view interface) {
  std::ignore = nl::write_setting(fmt::format("net/ipv6/conf/{}/accept_ra", interface), "0");
}

Result<> remove_link(nl::Socket& socket, int index) {
  auto deleted = nl::delete_link(socket, index);
  if (!deleted && deleted.error().code == std::errc::no_such_device) {
    return {};  // its other end went first
  }
  return deleted;
}

Result<> delete_if_there(nl::Socket& socket, std::string_view name) {
  std::optional<nl::Link> link;
  WEFT_TRY(link, nl::find_link(socket, name));
  return link ? remove_link(socket, link->index) : Result<>{};
}

bool has_any(const std::vector<net::Cidr>& addresses, const HeldAddresses& held) {
  const auto wanted = addresses.empty() ? std::vector<net::IpAddress>{} : held();
  return std::ranges::any_of(addresses, [&](const net::Cidr& each) {
    return std::ranges::find(wanted, each.address) != wanted.end();
  });
}

}  // namespace

PodInterface::NamespaceFile::NamespaceFile(const std::string& path)
    : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

PodInterface::NamespaceFile::~NamespaceFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

PodInterface::PodInterface(const Invocation& invocation, NamespaceFile file, nl::Socket host,
                           nl::Socket pod)
    : interface_(invocation.interface),
      netns_(invocation.netns),
      alias_(port_alias(invocation.attachment())),
      names_(veth_names(invocation.attachment())),
      old_names_(old_veth_names(invocation.container_id)),
      file_(std::move(file)),
      host_(std::move(host)),
      pod_(std::move(pod)) {}

Result<PodInterface> PodInterface::open(const Invocation& invocation) {
  bool is_host = false;
  WEFT_TRY(is_host, is_own_namespace(invocation.netns));
  if (is_host) {
    return fail(Errc::invalid,
                "use namespace '" + invocation.netns + "' for a pod: it is the host's own");
  }
  auto host = nl::Socket::open(NETLINK_ROUTE);
  if (!host) {
    return tl::unexpected(std::move(host).error());
  }
  NamespaceFile file{invocation.netns};
  const auto scope = nl::NamespaceScope::enter(invocation.netns);
  if (!scope) {
    return tl::unexpected(scope.error());
  }
  auto pod = nl::Socket::open(NETLINK_ROUTE);
  if (!pod) {
    return tl::unexpected(std::move(pod).error());
  }
  return PodInterface(invocation, std::move(file), *std::move(host), *std::move(pod));
}

/// The host's end of the pod's link. Equal indices prove nothing across namespaces, so the kernel
/// is asked whose namespace is at the other end.
Result<std::optional<Port>> PodInterface::port_of(const nl::Link& pod) {
  if (pod.kind != "veth") {
    return std::nullopt;
  }
  std::optional<Port> port;
  WEFT_TRY(port, find_port(host_, pod.peer));
  bool is_pair = port && port->link.peer == pod.index;
  if (is_pair) {
    WEFT_TRY(is_pair, is_here(*port));
  }
  return is_pair ? port : std::nullopt;
}

Result<bool> PodInterface::is_here(const Port& port) {
  std::optional<int> here;
  WEFT_TRY(here, netns_id(host_, file_.get()));
  return here && port.netns == here;
}

/// By what its alias says; what Weave Net and weft 0.1 made has none.
bool PodInterface::is_ours(const Port& port) const {
  return is_port_alias(port.alias) ? port.alias == alias_
                                   : port.link.name.starts_with(pod_port_prefix);
}

Result<bool> PodInterface::exists() {
  std::optional<nl::Link> pod;
  WEFT_TRY(pod, nl::find_link(pod_, interface_));
  if (!pod) {
    WEFT_TRY(expect_free_name());
    return false;
  }
  WEFT_TRY(port_, port_of(*pod));
  if (!port_ || !is_ours(*port_)) {
    return fail(
        Errc::conflict,
        fmt::format("attach the pod: its namespace has another interface '{}'", interface_));
  }
  return true;
}

Result<> PodInterface::attached_elsewhere(const std::string& port) const {
  return fail(Errc::conflict,
              fmt::format("attach the pod: its '{}' is attached in another namespace, by '{}'; DEL "
                          "that first",
                          interface_, port));
}

/// What an earlier attempt left in this pod is no obstacle: it is removed before a new one.
Result<> PodInterface::expect_free_name() {
  std::optional<Port> port;
  WEFT_TRY(port, find_port(host_, names_.host));
  if (!port) {
    return {};
  }
  bool is_elsewhere = false;
  WEFT_TRY(is_elsewhere, lives_elsewhere(*port));
  if (port->alias == alias_ && is_elsewhere) {
    return attached_elsewhere(names_.host);
  }
  if (!is_ours(*port) || is_elsewhere) {
    return fail(Errc::conflict, fmt::format("name the pod's port '{}': another has that name ({})",
                                            names_.host, port->alias));
  }
  return {};
}

/// What Weave Net and weft 0.1 attached says whose it is by its address alone.
Result<> PodInterface::expect_no_old_port(const std::vector<net::Cidr>& addresses) {
  std::optional<Port> port;
  WEFT_TRY(port, find_port(host_, old_names_.host));
  if (!port || is_port_alias(port->alias)) {
    return {};
  }
  std::vector<net::Cidr> behind;
  WEFT_TRY(behind, far_addresses(*port));
  const bool is_ours = std::ranges::any_of(addresses, [&](const net::Cidr& each) {
    return std::ranges::find(behind, each.address, &net::Cidr::address) != behind.end();
  });
  return is_ours ? attached_elsewhere(port->link.name) : Result<>{};
}

Result<bool> PodInterface::lives_elsewhere(const Port& port) {
  bool is_local = false;
  WEFT_TRY(is_local, is_here(port));
  std::optional<std::string> name;
  if (!is_local) {
    WEFT_TRY(name, far_name(host_, port));
  }
  return name.has_value();
}

Result<Attached> PodInterface::attach(const Attachment& wanted) {
  bool was_there = false;
  WEFT_TRY(was_there, exists());
  if (!was_there) {
    WEFT_TRY(expect_no_old_port(wanted.addresses));
    WEFT_TRY(remove_leftovers());
    WEFT_TRY(create(wanted.mtu));
  }
  auto attached = finish(wanted);
  if (!attached && !was_there) {
    std::ignore = remove_link(host_, port_->link.index);  // the first error is the one to report
  }
  return attached;
}

/// After `exists` found the name free but for what is ours.
Result<> PodInterface::remove_leftovers() {
  WEFT_TRY(remove_unnamed());
  return delete_if_there(host_, names_.host);
}

/// Pod's ends that never got their final name.
Result<> PodInterface::remove_unnamed() {
  WEFT_TRY(delete_if_there(pod_, names_.pod));
  return delete_if_there(pod_, old_names_.pod);
}

Result<> PodInterface::create(std::uint32_t mtu) {
  if (file_.get() < 0) {
    return fail(EBADF, "access namespace '" + netns_ + "'");
  }
  // The pod's end starts its life in the pod: a process killed here leaves nothing on the host that
  // the end of the pod would not take along.
  WEFT_TRY(nl::create_veth(host_, {names_.host, std::nullopt, mtu, std::nullopt},
                           {names_.pod, std::nullopt, mtu, file_.get()}));
  WEFT_TRY(port_, find_port(host_, names_.host));
  if (!port_) {
    return fail(ENODEV, fmt::format("find interface '{}'", names_.host));
  }
  return {};
}

/// Of the pod's end.
Result<net::Mac> PodInterface::mac() {
  std::optional<nl::Link> pod;
  WEFT_TRY(pod, nl::find_link(pod_, names_.pod));  // until it is renamed
  if (!pod) {
    WEFT_TRY(pod, nl::require_link(pod_, interface_));
  }
  return pod->mac;
}

Result<Attached> PodInterface::finish(const Attachment& wanted) {
  nl::Link bridge;
  WEFT_TRY(bridge, nl::require_link(host_, wanted.bridge));
  if (port_->alias != alias_) {
    WEFT_TRY(set_alias(host_, port_->link.index, alias_));
  }
  if (wanted.before_up) {
    net::Mac pod_mac;
    WEFT_TRY(pod_mac, mac());
    WEFT_TRY(wanted.before_up(port_->link.name, pod_mac));
  }
  WEFT_TRY(connect_host_end(wanted, bridge.index));
  WEFT_TRY(set_up_pod_end(wanted));
  Attached result;
  WEFT_TRY(result, attached(wanted));
  if (wanted.when_attached) {
    WEFT_TRY(wanted.when_attached(result));
  }
  return result;
}

Result<Attached> PodInterface::attached(const Attachment& wanted) {
  nl::Link bridge;
  WEFT_TRY(bridge, nl::require_link(host_, wanted.bridge));
  nl::Link pod;
  WEFT_TRY(pod, nl::require_link(pod_, interface_));
  return Attached{bridge.mac, port_->link.name, port_->link.mac, pod.mac};
}

Result<> PodInterface::connect_host_end(const Attachment& wanted, int bridge) {
  ignore_advertisements(port_->link.name);
  nl::LinkChange change;
  change.master = bridge;
  change.mtu = wanted.mtu;
  change.up = true;
  WEFT_TRY(nl::change_link(host_, port_->link.index, change));
  return nl::set_hairpin(host_, port_->link.index, wanted.hairpin);
}

Result<> PodInterface::set_up_pod_end(const Attachment& wanted) {
  const auto scope = nl::NamespaceScope::enter(netns_);
  if (!scope) {
    return tl::unexpected(scope.error());
  }
  if (std::optional<nl::Link> fresh; true) {
    WEFT_TRY(fresh, nl::find_link(pod_, names_.pod));
    if (fresh) {
      nl::LinkChange rename;
      rename.name = interface_;
      WEFT_TRY(nl::change_link(pod_, fresh->index, rename));
    }
  }
  nl::Link pod;
  WEFT_TRY(pod, nl::require_link(pod_, interface_));
  ignore_advertisements(interface_);
  std::ignore = nl::tune_arp(interface_);  // read-only in some sandboxes; only speed is lost

  WEFT_TRY(add_addresses(wanted, pod.index));
  nl::LinkChange change;
  change.mtu = wanted.mtu;
  change.up = true;
  WEFT_TRY(nl::change_link(pod_, pod.index, change));
  WEFT_TRY(add_routes(wanted, pod.index));
  for (const net::Cidr& each : wanted.addresses) {
    // Others find the pod by asking as well.
    std::ignore = nl::announce_address(pod.index, pod.mac, each.address);
  }
  return {};
}

/// Runtimes switch IPv6 off in namespaces that they make.
Result<> PodInterface::add_addresses(const Attachment& wanted, int link) {
  for (const net::Cidr& each : wanted.addresses) {
    if (!each.address.is_v4()) {
      WEFT_TRY(nl::write_setting(fmt::format("net/ipv6/conf/{}/disable_ipv6", interface_), "0"));
    }
    WEFT_TRY(nl::add_address(pod_, link, each));
  }
  return {};
}

Result<> PodInterface::add_routes(const Attachment& wanted, int link) {
  for (const PodRoute& route : wanted.routes) {
    nl::Route entry;
    entry.destination = route.destination;
    entry.link = link;
    entry.gateway = route.gateway;
    entry.is_link_scope = !route.gateway;
    const auto added = nl::add_route(pod_, entry);
    if (!added && added.error().code != std::errc::file_exists) {
      return added;
    }
  }
  return {};
}

Result<std::string> PodInterface::detach(const HeldAddresses& held) {
  WEFT_TRY(remove_unnamed());
  std::optional<nl::Link> pod;
  WEFT_TRY(pod, nl::find_link(pod_, interface_));
  if (pod) {
    WEFT_TRY(port_, port_of(*pod));
    if (port_ && is_ours(*port_)) {
      WEFT_TRY(remove_link(pod_, pod->index));
    } else {
      std::vector<net::Cidr> addresses;
      WEFT_TRY(addresses, nl::list_addresses(pod_, pod->index));
      if (has_any(addresses, held)) {
        return "is not weft's to remove, by what its port says, and has its address";
      }
    }
  }
  std::optional<Port> port;
  WEFT_TRY(port, find_port(host_, names_.host));
  if (!port || port->alias != alias_) {
    return std::string();
  }
  bool is_elsewhere = false;
  WEFT_TRY(is_elsewhere, lives_elsewhere(*port));
  if (is_elsewhere) {
    return "is attached in another namespace";
  }
  WEFT_TRY(remove_link(host_, port->link.index));
  return std::string();
}

Result<std::string> remove_port(const Invocation& invocation, const HeldAddresses& held) {
  auto host = nl::Socket::open(NETLINK_ROUTE);
  if (!host) {
    return tl::unexpected(std::move(host).error());
  }
  // Many ids may begin like the name of old, and anybody may write an alias; what tells them apart
  // is the address.
  const auto behind = [&](const Port& port) -> Result<bool> {
    std::vector<net::Cidr> addresses;
    WEFT_TRY(addresses, far_addresses(port));
    return has_any(addresses, held);
  };
  const std::string alias = port_alias(invocation.attachment());
  for (const std::string& name :
       {veth_names(invocation.attachment()).host, old_veth_names(invocation.container_id).host}) {
    std::optional<Port> port;
    WEFT_TRY(port, find_port(*host, name));
    if (!port) {
      continue;
    }
    const bool is_named = port->alias == alias;
    bool has_address = false;
    if (!is_named) {
      WEFT_TRY(has_address, behind(*port));
    }
    if (has_address && is_port_alias(port->alias)) {
      return "is another's, by what its port says, and has its address";
    }
    if (is_named || has_address) {
      WEFT_TRY(remove_link(*host, port->link.index));
      return std::string();
    }
  }
  return std::string();
}

}  // namespace weft::cni
