/// Namespaces by unshare and setns, wires as veth pairs.

#include "network.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>

#include <cerrno>
#include <utility>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/socket.hpp>

namespace weft::conformance {
namespace {

Result<> configure(const WireEnd& end) {
  end.network.enter();
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  nl::Link link;
  net::Cidr address;
  WEFT_TRY(link, nl::require_link(*socket, end.interface));
  WEFT_TRY(address, net::parse_cidr(end.address));
  WEFT_TRY(nl::add_address(*socket, link.index, address));
  return set_interface(end.interface, true);
}

}  // namespace

Result<Network> Network::make() {
  if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return fail(errno, "make a network namespace");
  }
  WEFT_TRY(set_interface("lo", true));
  const int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(errno, "open a network namespace");
  }
  return Network(fd);
}

void Network::enter() const {
  WEFT_CHECK(setns(fd(), CLONE_NEWNET) == 0, "a process may enter the networks that it made");
}

Result<> lay_wire(const WireEnd& first, const WireEnd& second) {
  first.network.enter();
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  nl::VethEnd here;
  here.name = first.interface;
  nl::VethEnd there;
  there.name = second.interface;
  there.netns_fd = second.network.fd();
  WEFT_TRY(nl::create_veth(*socket, here, there));
  WEFT_TRY(configure(first));
  return configure(second);
}

Result<> set_interface(const std::string& interface, bool is_up) {
  auto socket = nl::Socket::open(NETLINK_ROUTE);
  if (!socket) {
    return tl::unexpected(std::move(socket).error());
  }
  nl::Link link;
  WEFT_TRY(link, nl::require_link(*socket, interface));
  nl::LinkChange change;
  change.up = is_up;
  return nl::change_link(*socket, link.index, change);
}

}  // namespace weft::conformance
