/// Two nodes that encrypt for each other, judged by what passes over the wire between them.

#include "ipsec.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <weft/testing/sim_world.hpp>

#include "testing/network.hpp"

namespace weft::ipsec {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::run;
using testing::Sniffer;
using testing::TwoNodes;
using testing::UdpSocket;
using Traffic = Sniffer::Traffic;

constexpr std::uint16_t tunnel_port = 6784;
constexpr std::uint16_t other_tunnel_port = 7784;  // of connections that one side dialled there
constexpr std::uint16_t clear_port = 7000;         // nobody guards it
constexpr std::string_view secret = "what nobody else may read";
constexpr std::string_view last = "the last packet";

/// One side: its encryption, and the sockets that stand for its tunnel.
struct Node {
  Node(weft::testing::SimWorld& world_of_test, const std::string& node_name, PeerName node_peer,
       std::string_view node_address)
      : name(node_name), peer(node_peer), ip(address(node_address)), world(world_of_test) {
    const auto scope = TwoNodes::enter(name);
    tunnel.emplace(ip, port);
    clear.emplace(ip, clear_port);
    sniffer.emplace("wire");
    open();
  }

  void open() {
    const auto scope = TwoNodes::enter(name);
    loop = &world.add_loop(name);
    ipsec = Ipsec::open(*loop, tunnel_port).value();
  }

  /// Its tunnel is at `tunnel_port` from now on, and so are new links.
  void move_tunnel(std::uint16_t to) {
    const auto scope = TwoNodes::enter(name);
    port = to;
    tunnel.emplace(ip, port);
  }

  [[nodiscard]] OverlayLink connection_to(const Node& other) const {
    OverlayLink connection;
    connection.local = peer;
    connection.remote = other.peer;
    connection.local_address = {ip, 6783};
    connection.remote_address = {other.ip, 40000};
    connection.session_key.emplace().fill(std::byte{0x42});
    return connection;
  }

  [[nodiscard]] std::unique_ptr<Ipsec::Link> link_to(const Node& other) const {
    return ipsec->link(connection_to(other), port).value();
  }

  /// What a command prints on this node.
  [[nodiscard]] std::string shell(const std::string& command) const {
    const auto scope = TwoNodes::enter(name);
    return run(command);
  }
  [[nodiscard]] int associations() const {
    return std::stoi(shell("ip xfrm state list | grep -c ^src"));
  }

  std::string name;
  PeerName peer;
  net::IpAddress ip;
  std::uint16_t port = tunnel_port;
  weft::testing::SimWorld& world;
  weft::testing::SimLoop* loop = nullptr;  // of the run that opened `ipsec`
  std::unique_ptr<Ipsec> ipsec;
  std::optional<UdpSocket> tunnel;
  std::optional<UdpSocket> clear;
  std::optional<Sniffer> sniffer;
};

/// The two ends of one connection.
struct Links {
  std::unique_ptr<Ipsec::Link> a;
  std::unique_ptr<Ipsec::Link> b;
};

class IpsecTest : public ::testing::Test {
 protected:
  /// As the mesh does it: both announce, both accept.
  Links connect() {
    Links links{a_.link_to(b_), b_.link_to(a_)};
    exchange(links);
    return links;
  }

  static void exchange(const Links& links) {
    const Bytes from_a = links.a->expect().value();
    const Bytes from_b = links.b->expect().value();
    EXPECT_TRUE(links.a->accept(from_b));
    EXPECT_TRUE(links.b->accept(from_a));
  }

  /// Sends the secret through the tunnel, and says what of it was on the wire.
  static Traffic send(Node& from, const Node& to, std::size_t padding = 0) {
    std::string text(secret);
    text.append(padding, '.');
    from.tunnel->send(to.ip, to.port, text);
    from.clear->send(to.ip, clear_port, last);
    const Traffic traffic = from.sniffer->read_until(last, secret);
    EXPECT_TRUE(traffic.saw_end);
    return traffic;
  }

  static void expect_encrypted(Node& from, Node& to) {
    const Traffic traffic = send(from, to);
    EXPECT_EQ(traffic.esp, 1);
    EXPECT_EQ(traffic.clear, 0);
    EXPECT_EQ(to.tunnel->receive(), secret);
    EXPECT_EQ(to.clear->receive(), last);
    drain(to);
  }

  static void expect_dropped_by_sender(Node& from, Node& to) {
    const Traffic traffic = send(from, to);
    EXPECT_EQ(traffic.esp, 0);
    EXPECT_EQ(traffic.clear, 0);
    EXPECT_EQ(to.clear->receive(), last);
    EXPECT_EQ(to.tunnel->receive(/*wait_ms=*/0), std::nullopt);
    drain(to);
  }

  static void expect_dropped_by_receiver(Node& from, Node& to) {
    EXPECT_EQ(send(from, to).clear, 1);
    EXPECT_EQ(to.clear->receive(), last);
    EXPECT_EQ(to.tunnel->receive(/*wait_ms=*/0), std::nullopt);
    drain(to);
  }

  static void expect_clear(Node& from, Node& to) {
    EXPECT_EQ(send(from, to).clear, 1);
    EXPECT_EQ(to.tunnel->receive(), secret);
    EXPECT_EQ(to.clear->receive(), last);
    drain(to);
  }

  /// Forgets what `node` saw arrive.
  static void drain(Node& node) {
    const Traffic seen = node.sniffer->read_until(last, secret);
    EXPECT_TRUE(seen.saw_end);
  }

  void move_tunnels(std::uint16_t port) {
    a_.move_tunnel(port);
    b_.move_tunnel(port);
  }

  /// As when the process is killed: nothing is removed, and nobody holds it any more.
  void crash(Links links) {
    for (Ipsec::Link* const link : {links.a.release(), links.b.release()}) {
      // Never destroyed, so that the leak checker still reaches what it holds.
      static auto& dead = *new std::vector<Ipsec::Link*>;
      dead.push_back(link);
    }
    for (Node* const node : {&a_, &b_}) {
      static auto& dead = *new std::vector<Ipsec*>;
      dead.push_back(node->ipsec.release());
      node->loop->close();
    }
  }

  TwoNodes nodes_;
  weft::testing::SimWorld world_;
  Node a_{world_, "a", PeerName{0x020000009901}, "10.99.0.1"};
  Node b_{world_, "b", PeerName{0x020000009902}, "10.99.0.2"};
};

TEST_F(IpsecTest, DatagramsCrossAsEspOnly) {
  const Links links = connect();

  EXPECT_TRUE(links.a->is_ready());
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
}

TEST_F(IpsecTest, LargeDatagramsCrossAsEspOnly) {
  const Links links = connect();

  const Traffic traffic = send(a_, b_, /*padding=*/5000);

  EXPECT_GE(traffic.esp, 4);  // fragments
  EXPECT_EQ(traffic.clear, 0);
  EXPECT_EQ(b_.tunnel->receive().value().size(), secret.size() + 5000);
}

// The driver asks for a policy without naming its port, and encapsulates in the kernel.
TEST_F(IpsecTest, VxlanCrossesAsEspOnly) {
  const Links links = connect();
  a_.tunnel.reset();
  b_.tunnel.reset();
  ASSERT_EQ(a_.shell("ip link add vx type vxlan id 1 local 10.99.0.1 remote 10.99.0.2 dstport 6784;"
                     "ip address add 10.32.0.1/24 dev vx; ip link set vx up") +
                b_.shell("ip link add vx type vxlan id 1 local 10.99.0.2 remote 10.99.0.1 dstport "
                         "6784; ip address add 10.32.0.2/24 dev vx; ip link set vx up"),
            "");
  const auto inside = [](const Node& node, std::string_view inner) {
    const auto scope = TwoNodes::enter(node.name);
    return std::make_unique<UdpSocket>(address(inner), clear_port);
  };
  const auto from = inside(a_, "10.32.0.1");
  const auto to = inside(b_, "10.32.0.2");

  from->send(address("10.32.0.2"), clear_port, secret);
  EXPECT_EQ(to->receive(), secret);

  a_.clear->send(b_.ip, clear_port, last);
  const Traffic traffic = a_.sniffer->read_until(last, secret);
  EXPECT_TRUE(traffic.saw_end);
  EXPECT_GE(traffic.esp, 1);
  EXPECT_EQ(traffic.clear, 0);
}

TEST_F(IpsecTest, NothingLeavesInClearBeforeTheLinkIsReady) {
  const Links links{a_.link_to(b_), b_.link_to(a_)};
  expect_dropped_by_sender(a_, b_);

  const Bytes from_b = links.b->expect().value();
  expect_dropped_by_sender(a_, b_);

  ASSERT_TRUE(links.a->accept(from_b));
  EXPECT_FALSE(links.a->is_ready());
  expect_encrypted(a_, b_);
}

TEST_F(IpsecTest, NothingLeavesInClearWhenOthersDeleteWhatEncrypts) {
  const Links links = connect();

  ASSERT_EQ(a_.shell("ip xfrm policy flush"), "");
  expect_dropped_by_sender(a_, b_);
  ASSERT_TRUE(a_.ipsec->repair());
  expect_encrypted(a_, b_);

  ASSERT_EQ(a_.shell("nft flush ruleset"), "");
  ASSERT_TRUE(a_.ipsec->repair());
  expect_encrypted(a_, b_);

  ASSERT_EQ(a_.shell("ip xfrm state flush"), "");
  expect_dropped_by_sender(a_, b_);
}

TEST_F(IpsecTest, ClearDatagramsFromOutsideAreDropped) {
  const auto link = b_.link_to(a_);
  expect_dropped_by_receiver(a_, b_);

  ASSERT_TRUE(link->expect());
  expect_dropped_by_receiver(a_, b_);

  // Another program that uses the same bit of the mark opens no door.
  ASSERT_EQ(b_.shell("nft add table ip other; nft 'add chain ip other early { type filter hook "
                     "prerouting priority mangle; }'; nft add rule ip other early meta mark set "
                     "0x20000"),
            "");
  expect_dropped_by_receiver(a_, b_);
}

TEST_F(IpsecTest, OtherTrafficIsLeftAlone) {
  const Links links = connect();

  a_.clear->send(b_.ip, clear_port, secret);
  EXPECT_EQ(b_.clear->receive(), secret);
}

TEST_F(IpsecTest, ALinkSurvivesTheEndOfAnOlderOne) {
  Links older = connect();
  const Links newer = connect();
  expect_encrypted(a_, b_);

  older = {};

  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
  EXPECT_EQ(a_.associations(), 2);
}

TEST_F(IpsecTest, ALinkSurvivesTheEndOfANewerOne) {
  const Links older = connect();
  Links newer = connect();

  newer = {};

  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
}

TEST_F(IpsecTest, GuardsWhateverPortAConnectionUses) {
  move_tunnels(other_tunnel_port);
  const Links links{a_.link_to(b_), b_.link_to(a_)};
  expect_dropped_by_sender(a_, b_);
  exchange(links);

  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
}

TEST_F(IpsecTest, ClearDatagramsToWhateverPortAConnectionUsesAreDropped) {
  move_tunnels(other_tunnel_port);
  const auto link = b_.link_to(a_);

  expect_dropped_by_receiver(a_, b_);
}

TEST_F(IpsecTest, LinksOnTwoPortsJoinTheSameNodes) {
  Links on_main = connect();
  move_tunnels(other_tunnel_port);
  Links on_other = connect();
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
  move_tunnels(tunnel_port);
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);

  on_other = {};
  expect_encrypted(a_, b_);
  move_tunnels(other_tunnel_port);
  expect_clear(a_, b_);  // nobody guards it any more
  on_other = connect();
  on_main = {};
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
}

TEST_F(IpsecTest, AnEndedLinkLeavesNothing) {
  Links links = connect();
  links = {};

  EXPECT_EQ(a_.shell("ip xfrm state list; ip xfrm policy list"), "");
  EXPECT_EQ(a_.shell("nft list set ip weft-ipsec tunnels").find("elements"), std::string::npos);
  expect_clear(a_, b_);
  a_.ipsec = nullptr;
  EXPECT_EQ(a_.shell("nft list ruleset"), "");
}

TEST_F(IpsecTest, ChangesKeysWithoutLosingPackets) {
  const Links links = connect();
  expect_encrypted(b_, a_);

  const Bytes fresh = links.a->expect().value();
  expect_encrypted(b_, a_);  // still under the old key
  world_.run_for(rekey_patience / 2);
  EXPECT_EQ(a_.associations(), 3);
  ASSERT_TRUE(links.b->accept(fresh));
  expect_encrypted(b_, a_);
  expect_encrypted(a_, b_);

  world_.run_for(2s);
  EXPECT_EQ(a_.associations(), 2);
  EXPECT_EQ(b_.associations(), 2);
  expect_encrypted(b_, a_);
}

TEST_F(IpsecTest, ForgetsTheOldKeyOfASilentPeer) {
  const Links links = connect();
  ASSERT_TRUE(links.a->expect());

  world_.run_for(rekey_patience + 2s);

  EXPECT_EQ(a_.associations(), 2);
}

TEST_F(IpsecTest, AcceptsTheSameOfferTwice) {
  const Links links = connect();
  const Bytes fresh = links.b->expect().value();

  EXPECT_TRUE(links.a->accept(fresh));
  EXPECT_TRUE(links.a->accept(fresh));

  expect_encrypted(a_, b_);
}

TEST_F(IpsecTest, RefusesBodiesOfAnotherLength) {
  const Links links = connect();
  Bytes body = links.b->expect().value();
  for (const std::size_t length : {0U, 36U, 63U, 65U}) {
    body.resize(length);
    const auto refused = links.a->accept(body);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::malformed);
  }
  expect_encrypted(a_, b_);
}

TEST_F(IpsecTest, RefusesWhatItCannotEncrypt) {
  OverlayLink without_key = a_.connection_to(b_);
  without_key.session_key.reset();
  EXPECT_EQ(a_.ipsec->link(without_key, tunnel_port).error().code, Errc::invalid);

  OverlayLink of_ipv6 = a_.connection_to(b_);
  of_ipv6.remote_address.address = address("fd00::2");
  EXPECT_EQ(a_.ipsec->link(of_ipv6, tunnel_port).error().code, Errc::unsupported);
}

TEST_F(IpsecTest, WhatACrashLeavesProtectsUntilNewLinksReplaceIt) {
  crash(connect());
  expect_encrypted(a_, b_);

  a_.open();
  b_.open();
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);

  const Links links{a_.link_to(b_), b_.link_to(a_)};
  expect_encrypted(a_, b_);
  exchange(links);
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);

  world_.run_for(2s);
  EXPECT_EQ(a_.associations(), 2);
  EXPECT_EQ(b_.associations(), 2);
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
}

// The kernel's flows of the earlier run use that port until others replace them.
TEST_F(IpsecTest, WhatACrashLeavesOnAnotherPortStaysGuarded) {
  move_tunnels(other_tunnel_port);
  crash(connect());
  a_.open();
  b_.open();
  move_tunnels(tunnel_port);
  const Links links = connect();
  expect_encrypted(a_, b_);

  move_tunnels(other_tunnel_port);
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);

  world_.run_for(leftover_patience + 1s);
  EXPECT_EQ(a_.shell("nft list set ip weft-ipsec tunnels").find("7784"), std::string::npos);
  move_tunnels(tunnel_port);
  expect_encrypted(a_, b_);
}

TEST_F(IpsecTest, RemovesAnOriginalsAssociationsWithAPeerThatIsBack) {
  const auto add = [&](std::string_view between, std::string_view more) {
    const std::string key(72, '7');
    return b_.shell(
        fmt::format("ip xfrm state add {} proto esp {} mode transport flag esn "
                    "replay-window 256 aead 'rfc4106(gcm(aes))' 0x{} 128",
                    between, more, key));
  };
  ASSERT_EQ(add("src 10.99.0.1 dst 10.99.0.2", "spi 0x1111"), "");
  ASSERT_EQ(add("src 10.99.0.2 dst 10.99.0.1", "spi 0x2222"), "");
  ASSERT_EQ(add("src 10.99.0.3 dst 10.99.0.2", "spi 0x3333"), "");          // has not come back
  ASSERT_EQ(add("src 10.99.0.1 dst 10.99.0.2", "spi 0x4444 reqid 1"), "");  // of a key daemon
  b_.open();

  const Links links = connect();
  EXPECT_EQ(b_.associations(), 5);  // what may still arrive under the old key can be read
  expect_encrypted(a_, b_);
  world_.run_for(2s);

  EXPECT_EQ(b_.associations(), 4);
  EXPECT_EQ(b_.shell("ip xfrm state list | grep -c -e 0x00003333 -e 0x00004444"), "2\n");
  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
}

// In nftables' words; Source: weaveworks/weave net/ipsec/ipsec.go.
TEST_F(IpsecTest, PassesTheRulesThatAnOriginalLeft) {
  constexpr const char* rules = R"(table ip left {
    chain mark_out {
      type route hook output priority mangle
      ip saddr 10.99.0.2 ip daddr 10.99.0.1 udp dport 6784 meta mark set meta mark | 0x20000
    }
    chain out {
      type filter hook output priority filter
      ip protocol != esp rt ipsec missing meta mark & 0x20000 == 0x20000 drop
    }
    chain mark_in {
      type filter hook input priority mangle
      ip saddr 10.99.0.1 ip daddr 10.99.0.2 esp spi 0x1111 meta mark set meta mark | 0x20000
    }
    chain in {
      type filter hook input priority filter
      ip saddr 10.99.0.1 ip daddr 10.99.0.2 udp dport 6784 meta mark & 0x20000 != 0x20000 drop
    }
  })";
  ASSERT_EQ(b_.shell(fmt::format("nft '{}'", rules)), "");

  const Links links = connect();

  expect_encrypted(a_, b_);
  expect_encrypted(b_, a_);
}

TEST_F(IpsecTest, ForgetsWhatACrashLeftForAPeerThatStaysAway) {
  crash(connect());
  a_.open();
  world_.run_for(leftover_patience - 1s);
  EXPECT_EQ(a_.associations(), 2);

  world_.run_for(2s);

  EXPECT_EQ(a_.shell("ip xfrm state list; ip xfrm policy list"), "");
  EXPECT_EQ(a_.shell("nft list set ip weft-ipsec tunnels").find("elements"), std::string::npos);
}

TEST_F(IpsecTest, CleansUpAfterACrashWhenEncryptionIsSwitchedOff) {
  crash(connect());
  a_.open();
  a_.ipsec = nullptr;
  b_.open();
  b_.ipsec->allow_clear(b_.connection_to(a_), tunnel_port);

  EXPECT_EQ(a_.shell("ip xfrm state list; ip xfrm policy list; nft list ruleset"), "");
  EXPECT_EQ(b_.shell("ip xfrm state list; ip xfrm policy list"), "");
  expect_clear(a_, b_);
}

}  // namespace
}  // namespace weft::ipsec
