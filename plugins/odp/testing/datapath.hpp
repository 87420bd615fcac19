#pragma once
/// For tests only: a datapath in a network namespace of its own, and frames that enter it.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/openvswitch.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include <weft/netlink/link.hpp>

#include "odp/kernel.hpp"

namespace weft::odp::testing {

/// Source of the frames that `send` makes: what else the kernel sends by itself has another.
inline const net::Mac sender = net::Mac::from_value(0x020000000011);

/// Each test has a network namespace, and with it datapaths, of its own.
class DatapathTest : public ::testing::Test {
 protected:
  DatapathTest() {
    EXPECT_EQ(unshare(CLONE_NEWNET), 0);
    // Or the kernel sends frames of its own, on its own time.
    std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << "1" << std::flush;
    auto opened = nl::Socket::open(NETLINK_ROUTE);
    EXPECT_TRUE(opened);
    links_.emplace(*std::move(opened));
    set_up("lo");
  }

  static Kernel open_datapath() {
    auto kernel = Kernel::open("datapath");
    EXPECT_TRUE(kernel) << kernel.error().message();
    return *std::move(kernel);
  }

  /// What `ovs-dpctl del-dp` does.
  static Result<> delete_datapath(const Kernel& kernel) {
    auto socket = nl::Socket::open(NETLINK_GENERIC);
    if (!socket) {
      return tl::unexpected(std::move(socket).error());
    }
    nl::Message erase(kernel.families().datapath, 0);
    auto& header = erase.extra_header<genlmsghdr>();
    header.cmd = OVS_DP_CMD_DEL;
    header.version = OVS_DATAPATH_VERSION;
    erase.extra_header<ovs_header>().dp_ifindex = kernel.index();
    return socket->request(erase, "delete the datapath");
  }

  /// A port "farN" of the datapath, whose other end is "nearN".
  PortNumber add_port(Kernel& kernel, unsigned n) {
    const std::string near = "near" + std::to_string(n);
    const std::string far = "far" + std::to_string(n);
    EXPECT_TRUE(nl::create_veth(*links_, {.name = near}, {.name = far}));
    set_up(near);
    set_up(far);
    await_transmission(n, far);
    const auto number = kernel.ensure_vport({.name = far});
    EXPECT_TRUE(number) << number.error().message();
    return number.value_or(0);
  }

  /// Frames into the port whose other end is "nearN", the i-th for the address 02:...:i.
  static void send(unsigned n, unsigned frames) {
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    ASSERT_GE(fd, 0);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(::if_nametoindex(("near" + std::to_string(n)).c_str()));
    for (unsigned i = 0; i < frames; ++i) {
      std::array<std::byte, 60> frame{};
      const net::Mac target = net::Mac::from_value(0x020000010000 + i);
      std::ranges::copy(target.octets, frame.begin());
      std::ranges::copy(sender.octets, frame.begin() + 6);
      frame[12] = std::byte{0x88};
      frame[13] = std::byte{0xB5};  // IEEE 802 local experiments
      EXPECT_EQ(::sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                         sizeof to),
                static_cast<ssize_t>(frame.size()));
    }
    ::close(fd);
  }

 private:
  void set_up(const std::string& name) {
    const auto link = nl::require_link(*links_, name);
    ASSERT_TRUE(link);
    ASSERT_TRUE(nl::change_link(*links_, link->index, {.up = true}));
  }

  /// A link that just came up discards what it sends until the kernel got round to it.
  static void await_transmission(unsigned n, const std::string& far) {
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    sockaddr_ll there{};
    there.sll_family = AF_PACKET;
    there.sll_protocol = htons(ETH_P_ALL);
    there.sll_ifindex = static_cast<int>(::if_nametoindex(far.c_str()));
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    pollfd arrival{fd, POLLIN, 0};
    do {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << far << " receives nothing";
      send(n, 1);
    } while (::poll(&arrival, 1, 10) == 0);
    ::close(fd);
  }

  std::optional<nl::Socket> links_;
};

}  // namespace weft::odp::testing
