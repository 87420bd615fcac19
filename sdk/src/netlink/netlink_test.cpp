/// The netlink helpers against the running kernel, in a namespace of their own.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/netlink/address.hpp>
#include <weft/netlink/link.hpp>
#include <weft/netlink/namespace.hpp>
#include <weft/netlink/route.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/unique_fd.hpp>

namespace weft::nl {
namespace {

/// Each test runs in a new, nameless network namespace that ends with the process.
class Netlink : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    auto opened = Socket::open(NETLINK_ROUTE);
    ASSERT_TRUE(opened) << opened.error().message();
    socket_.emplace(*std::move(opened));
  }

  Socket& socket() { return *socket_; }

  Link make_bridge(std::string_view name) {
    EXPECT_TRUE(create_bridge(socket(), name));
    return require_link(socket(), name).value();
  }

  std::optional<Socket> socket_;
};

TEST(NetlinkMessage, RefusesWhatDoesNotFit) {
  Message message{RTM_NEWLINK, 0};
  message.extra_header<ifinfomsg>();
  const Bytes large(5000);

  message.put(1, large).put(2, large);

  EXPECT_FALSE(message.is_complete());
}

TEST(NetlinkMessage, ReadsBackNestedAttributes) {
  Message message{RTM_NEWLINK, 0};
  message.extra_header<ifinfomsg>();
  message.nest(7, [&] { message.put_text(1, "abc").put_number<std::uint32_t>(2, 99); });

  AttributeReader outer{message.header(), sizeof(ifinfomsg)};
  const auto nest = outer.next();
  ASSERT_TRUE(nest);
  EXPECT_EQ(nest->type, 7);
  AttributeReader inner{nest->value};
  EXPECT_EQ(inner.next()->text(), "abc");
  EXPECT_EQ(inner.next()->number<std::uint32_t>(), 99u);
  EXPECT_FALSE(inner.next());
  EXPECT_FALSE(outer.next());
}

TEST(NetlinkMessage, StopsAtAnAttributeLongerThanTheMessage) {
  const std::array<std::byte, 8> octets{std::byte{200}, std::byte{0}, std::byte{1}};
  AttributeReader reader{octets};

  EXPECT_FALSE(reader.next());
}

TEST_F(Netlink, CreatesABridgeAndChangesIt) {
  const Link bridge = make_bridge("br0");
  const auto mac = net::parse_mac("02:00:00:00:00:01").value();

  ASSERT_TRUE(change_link(socket(), bridge.index, {.mac = mac, .mtu = 1400, .up = true}));

  const Link changed = require_link(socket(), "br0").value();
  EXPECT_EQ(changed.kind, "bridge");
  EXPECT_EQ(changed.mac, mac);
  EXPECT_EQ(changed.mtu, 1400u);
  EXPECT_TRUE(changed.is_up);
}

TEST_F(Netlink, FindsNothingWhereThereIsNothing) {
  EXPECT_FALSE(find_link(socket(), "absent").value());
  EXPECT_FALSE(find_link(socket(), 4711).value());
  EXPECT_EQ(require_link(socket(), "absent").error().code, std::errc::no_such_device);
}

TEST_F(Netlink, ErrorsCarryWhatWasAttempted) {
  make_bridge("br0");

  const auto again = create_bridge(socket(), "br0");

  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, std::errc::file_exists);
  EXPECT_NE(again.error().context.find("create bridge 'br0'"), std::string::npos);
}

TEST_F(Netlink, CreatesAVethPairAcrossNamespaces) {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  const int inside = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  auto inside_socket = Socket::open(NETLINK_ROUTE).value();
  const Link bridge = make_bridge("br0");  // in the first namespace, where socket() lives

  ASSERT_TRUE(create_veth(socket(), {.name = "host0", .mtu = 1300},
                          {.name = "eth0", .mtu = 1300, .netns_fd = inside}));
  const Link host = require_link(socket(), "host0").value();
  ASSERT_TRUE(change_link(socket(), host.index, {.master = bridge.index, .up = true}));
  ASSERT_TRUE(set_hairpin(socket(), host.index, true));

  const Link port = require_link(socket(), "host0").value();
  EXPECT_EQ(port.kind, "veth");
  EXPECT_EQ(port.master, bridge.index);
  EXPECT_TRUE(port.is_hairpin);
  const auto pod = find_link(inside_socket, "eth0").value();
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->mtu, 1300u);
  ASSERT_TRUE(delete_link(socket(), port.index));
  EXPECT_FALSE(find_link(inside_socket, "eth0").value());
  ::close(inside);
}

TEST_F(Netlink, CreatesAnExternalVxlanInterface) {
  ASSERT_TRUE(create_external_vxlan(socket(), "vxlan-6784", 6784));

  const Link made = require_link(socket(), "vxlan-6784").value();
  EXPECT_EQ(made.kind, "vxlan");
  EXPECT_EQ(made.mtu, 65535u);
  EXPECT_TRUE(made.is_up);
  ASSERT_TRUE(made.vxlan);
  EXPECT_EQ(made.vxlan->udp_port, 6784);
  EXPECT_TRUE(made.vxlan->is_external);
  EXPECT_FALSE(made.vxlan->is_learning);

  EXPECT_FALSE(make_bridge("br0").vxlan);
  const auto again = create_external_vxlan(socket(), "vxlan-6784", 6785);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, std::errc::file_exists) << again.error().message();
  EXPECT_FALSE(create_external_vxlan(socket(), "another", 6784));
  EXPECT_FALSE(find_link(socket(), "another").value());
}

TEST_F(Netlink, AddressesAreAddedOnceAndDeletedOnce) {
  const Link bridge = make_bridge("br0");
  const auto address = net::parse_cidr("10.32.0.1/12").value();

  ASSERT_TRUE(add_address(socket(), bridge.index, address));
  ASSERT_TRUE(add_address(socket(), bridge.index, address));
  const auto held = list_addresses(socket(), bridge.index).value();
  EXPECT_EQ(std::ranges::count(held, address), 1);

  ASSERT_TRUE(delete_address(socket(), bridge.index, address));
  ASSERT_TRUE(delete_address(socket(), bridge.index, address));
  EXPECT_EQ(std::ranges::count(list_addresses(socket(), bridge.index).value(), address), 0);
}

TEST_F(Netlink, Ipv6AddressesAreUsableAtOnce) {
  const Link bridge = make_bridge("br0");
  ASSERT_TRUE(change_link(socket(), bridge.index, {.up = true}));
  const auto address = net::parse_cidr("fd00::1/64").value();

  ASSERT_TRUE(add_address(socket(), bridge.index, address));
  const UniqueFd bound{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage storage{};
  const auto length = net::to_sockaddr({address.address, 0}, storage);
  EXPECT_EQ(::bind(bound.get(), reinterpret_cast<const sockaddr*>(&storage), length), 0)
      << std::strerror(errno);

  const auto held = list_addresses(socket(), bridge.index).value();
  EXPECT_EQ(std::ranges::count(held, address), 1);
  ASSERT_TRUE(delete_address(socket(), bridge.index, address));
  EXPECT_EQ(std::ranges::count(list_addresses(socket(), bridge.index).value(), address), 0);
}

TEST_F(Netlink, RoutesAreAddedListedAndDeleted) {
  const Link bridge = make_bridge("br0");
  ASSERT_TRUE(change_link(socket(), bridge.index, {.up = true}));
  ASSERT_TRUE(add_address(socket(), bridge.index, net::parse_cidr("10.32.0.1/12").value()));
  const Route route{.destination = net::parse_cidr("0.0.0.0/0").value(),
                    .link = bridge.index,
                    .gateway = net::parse_ip("10.32.0.2").value()};

  ASSERT_TRUE(add_route(socket(), route));
  ASSERT_TRUE(add_route(socket(), route));

  const auto routes = list_routes(socket(), net::Family::v4).value();
  EXPECT_EQ(std::ranges::count(routes, route), 1);
  ASSERT_TRUE(delete_route(socket(), route));
  ASSERT_TRUE(delete_route(socket(), route));
}

TEST_F(Netlink, ReportsTheFailingMessageOfATransaction) {
  auto netfilter = Socket::open(NETLINK_NETFILTER).value();
  const auto table = [](Batch& batch, std::uint16_t type, std::uint16_t flags, char name) {
    nlmsghdr* const message = batch.add(type, 2, flags);
    nlattr head{6, NFTA_TABLE_NAME};
    auto* const to = reinterpret_cast<std::byte*>(message) + message->nlmsg_len;
    std::memcpy(to, &head, sizeof head);
    to[4] = std::byte(name);
    to[5] = std::byte{0};
    message->nlmsg_len += 8;
    batch.next();
  };
  Batch good;
  table(good, NFT_MSG_NEWTABLE, NLM_F_CREATE, 'a');
  const auto created = netfilter.commit(good, "create table");
  if (!created && created.error().code != std::errc::no_such_file_or_directory) {
    GTEST_SKIP() << "no nf_tables in this kernel: " << created.error().message();
  }
  ASSERT_TRUE(created) << created.error().message();

  Batch bad;
  table(bad, NFT_MSG_NEWTABLE, NLM_F_CREATE, 'a');
  table(bad, NFT_MSG_DELTABLE, 0, 'b');
  const auto answer = netfilter.commit(bad, "replace table");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, std::errc::no_such_file_or_directory);
  EXPECT_NE(answer.error().context.find("message 2 of 2"), std::string::npos);
}

/// Answers that nobody waited for are taken neither for a failure nor for a success of this
/// request.
TEST_F(Netlink, SkipsAnswersToEarlierRequests) {
  const int bridge = make_bridge("br0").index;
  const auto send_unanswered = [this](int index) {
    Message message{RTM_GETLINK, NLM_F_ACK};
    message.extra_header<ifinfomsg>().ifi_index = index;
    message.header().nlmsg_seq = 77;
    ASSERT_GT(::send(socket().fd(), &message.header(), message.header().nlmsg_len, 0), 0);
  };

  send_unanswered(9999);
  EXPECT_EQ(require_link(socket(), "br0").value().index, bridge);

  send_unanswered(bridge);
  const auto missing = find_link(socket(), "none");
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
}

TEST_F(Netlink, HandsOverNotifications) {
  auto watcher = Socket::open(NETLINK_ROUTE).value();
  ASSERT_TRUE(watcher.join(RTNLGRP_LINK));

  make_bridge("br0");

  bool is_seen = false;
  ASSERT_TRUE(watcher.receive([&](const nlmsghdr& message) {
    const auto link = parse_link(message);
    is_seen = is_seen || (link && link->name == "br0");
  }));
  EXPECT_TRUE(is_seen);
}

TEST_F(Netlink, AnnouncesAndTunes) {
  const Link bridge = make_bridge("br0");
  ASSERT_TRUE(change_link(socket(), bridge.index, {.up = true}));

  EXPECT_TRUE(tune_arp("br0"));
  EXPECT_TRUE(announce_address(bridge.index, bridge.mac, net::parse_ip("10.32.0.1").value()));
}

TEST_F(Netlink, ReturnsFromANamespaceItEntered) {
  make_bridge("br0");
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  const int first = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  {
    const auto scope = NamespaceScope::enter("/proc/self/fd/" + std::to_string(first));
    ASSERT_TRUE(scope) << scope.error().message();
    auto there = Socket::open(NETLINK_ROUTE).value();
    ASSERT_TRUE(create_bridge(there, "br1"));
  }
  auto here = Socket::open(NETLINK_ROUTE).value();
  EXPECT_FALSE(find_link(here, "br1").value());
  ::close(first);
}

}  // namespace
}  // namespace weft::nl
