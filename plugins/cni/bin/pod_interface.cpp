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

/// A descriptor of the pod's namespace, for as long as a veth end is created in it.
class NamespaceFile {
 public:
  explicit NamespaceFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~NamespaceFile() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  NamespaceFile(const NamespaceFile&) = delete;
  NamespaceFile& operator=(const NamespaceFile&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Result<bool> is_own_namespace(const std::string& path) {
  struct stat theirs {};
  struct stat ours {};
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

Result<> delete_if_there(nl::Socket& socket, std::string_view name) {
  std::optional<nl::Link> link;
  WEFT_TRY(link, nl::find_link(socket, name));
  if (!link) {
    return {};
  }
  auto deleted = nl::delete_link(socket, link->index);
  if (!deleted && deleted.error().code == std::errc::no_such_device) {
    return {};  // its other end went first
  }
  return deleted;
}

bool has_route(const std::vector<nl::Route>& routes, const PodRoute& wanted, int link) {
  return std::ranges::any_of(routes, [&](const nl::Route& route) {
    return route.destination == wanted.destination.network() && route.link == link &&
           route.gateway == wanted.gateway;
  });
}

}  // namespace

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
  const auto scope = nl::NamespaceScope::enter(invocation.netns);
  if (!scope) {
    return tl::unexpected(scope.error());
  }
  auto pod = nl::Socket::open(NETLINK_ROUTE);
  if (!pod) {
    return tl::unexpected(std::move(pod).error());
  }
  return PodInterface(invocation, *std::move(host), *std::move(pod));
}

Result<bool> PodInterface::exists() {
  std::optional<nl::Link> pod;
  WEFT_TRY(pod, nl::find_link(pod_, interface_));
  if (!pod) {
    return false;
  }
  std::optional<nl::Link> host;
  WEFT_TRY(host, nl::find_link(host_, names_.host));
  if (!host || pod->kind != "veth" || pod->peer != host->index || host->peer != pod->index) {
    return fail(
        Errc::conflict,
        fmt::format("attach the pod: its namespace has another interface '{}'", interface_));
  }
  return true;
}

Result<Attached> PodInterface::attach(const Attachment& wanted) {
  bool was_there = false;
  WEFT_TRY(was_there, exists());
  if (!was_there) {
    WEFT_TRY(remove_leftover());
    WEFT_TRY(create(wanted.mtu));
  }
  auto attached = finish(wanted);
  if (!attached && !was_there) {
    std::ignore = delete_if_there(host_, names_.host);  // the first error is the one to report
  }
  return attached;
}

Result<> PodInterface::remove_leftover() {
  return delete_if_there(pod_, names_.pod);
}

Result<> PodInterface::create(std::uint32_t mtu) {
  const NamespaceFile netns{netns_};
  if (netns.get() < 0) {
    return fail(errno, "access namespace '" + netns_ + "'");
  }
  // The pod's end starts its life in the pod: a process killed here leaves nothing on the host that
  // the end of the pod would not take along.
  return nl::create_veth(host_, {names_.host, std::nullopt, mtu, std::nullopt},
                         {names_.pod, std::nullopt, mtu, netns.get()});
}

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
  if (wanted.before_up) {
    net::Mac pod_mac;
    WEFT_TRY(pod_mac, mac());
    WEFT_TRY(wanted.before_up(names_.host, pod_mac));
  }
  WEFT_TRY(connect_host_end(wanted, bridge.index));
  WEFT_TRY(set_up_pod_end(wanted));

  nl::Link host;
  WEFT_TRY(host, nl::require_link(host_, names_.host));
  nl::Link pod;
  WEFT_TRY(pod, nl::require_link(pod_, interface_));
  return Attached{bridge.mac, host.name, host.mac, pod.mac};
}

Result<> PodInterface::connect_host_end(const Attachment& wanted, int bridge) {
  nl::Link host;
  WEFT_TRY(host, nl::require_link(host_, names_.host));
  ignore_advertisements(names_.host);
  nl::LinkChange change;
  change.master = bridge;
  change.mtu = wanted.mtu;
  change.up = true;
  WEFT_TRY(nl::change_link(host_, host.index, change));
  return nl::set_hairpin(host_, host.index, wanted.hairpin);
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

  WEFT_TRY(nl::add_address(pod_, pod.index, wanted.address));
  nl::LinkChange change;
  change.mtu = wanted.mtu;
  change.up = true;
  WEFT_TRY(nl::change_link(pod_, pod.index, change));
  WEFT_TRY(add_routes(wanted, pod.index));
  // Others find the pod by asking as well.
  std::ignore = nl::announce_address(pod.index, pod.mac, wanted.address.address);
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

Result<> PodInterface::detach() {
  WEFT_TRY(delete_if_there(pod_, names_.pod));
  return delete_if_there(pod_, interface_);
}

Result<> PodInterface::check(const Attachment& wanted, const std::optional<net::Mac>& mac) {
  bool is_there = false;
  WEFT_TRY(is_there, exists());
  if (!is_there) {
    return fail(ENODEV, fmt::format("find interface '{}' in the pod", interface_));
  }
  WEFT_TRY(check_host_end(wanted));
  return check_pod_end(wanted, mac);
}

Result<> PodInterface::check_host_end(const Attachment& wanted) {
  nl::Link bridge;
  WEFT_TRY(bridge, nl::require_link(host_, wanted.bridge));
  nl::Link host;
  WEFT_TRY(host, nl::require_link(host_, names_.host));
  if (host.master != bridge.index) {
    return fail(Errc::invalid, fmt::format("find '{}' on bridge '{}'", host.name, bridge.name));
  }
  if (!host.is_up) {
    return fail(Errc::invalid, fmt::format("use '{}': it is down", host.name));
  }
  return {};
}

Result<> PodInterface::check_pod_end(const Attachment& wanted, const std::optional<net::Mac>& mac) {
  const auto differs = [&](const std::string& what) {
    return fail(Errc::invalid, fmt::format("use interface '{}': {}", interface_, what));
  };
  nl::Link pod;
  WEFT_TRY(pod, nl::require_link(pod_, interface_));
  if (mac && pod.mac != *mac) {
    return differs(fmt::format("its MAC is {}, not {}", to_string(pod.mac), to_string(*mac)));
  }
  if (pod.mtu != wanted.mtu) {
    return differs(fmt::format("its MTU is {}, not {}", pod.mtu, wanted.mtu));
  }
  if (!pod.is_up) {
    return differs("it is down");
  }
  std::vector<net::Cidr> addresses;
  WEFT_TRY(addresses, nl::list_addresses(pod_, pod.index));
  if (std::ranges::find(addresses, wanted.address) == addresses.end()) {
    return differs(fmt::format("it lacks address {}", to_string(wanted.address)));
  }
  std::vector<nl::Route> routes;
  WEFT_TRY(routes, nl::list_routes(pod_, wanted.address.address.family));
  for (const PodRoute& route : wanted.routes) {
    if (!has_route(routes, route, pod.index)) {
      return differs(fmt::format("it lacks the route to {}", to_string(route.destination)));
    }
  }
  return {};
}

Result<> remove_host_end(const std::string& container_id) {
  auto host = nl::Socket::open(NETLINK_ROUTE);
  if (!host) {
    return tl::unexpected(std::move(host).error());
  }
  return delete_if_there(*host, veth_names(container_id).host);
}

}  // namespace weft::cni
