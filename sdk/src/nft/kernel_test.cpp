/// Tables as values in the running kernel: what the nft tool lists, what is read back, and what
/// happens to packets. Each test has a nameless network namespace that ends with the process.

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include <gtest/gtest.h>

#include <weft/nft/reader.hpp>
#include <weft/nft/transaction.hpp>
#include <weft/unique_fd.hpp>

#include "shell.hpp"

namespace weft::nft {

/// For messages of failed tests.
void PrintTo(const Element& element, std::ostream* out) {
  const auto print = [&](const Bytes& key) {
    for (const std::byte octet : key) {
      *out << fmt::format("{:02x}", std::to_integer<unsigned>(octet));
    }
  };
  print(element.first);
  *out << '-';
  print(element.last);
}

namespace {

using testing::run;

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}
Bytes address(std::string_view text) {
  const auto parsed = net::parse_ip(text).value();
  return Bytes(parsed.bytes().begin(), parsed.bytes().end());
}
Bytes port(std::uint16_t number) {
  Bytes octets(2);
  store_be(octets.data(), number);
  return octets;
}
Bytes protocol(std::uint8_t number) {
  return {std::byte(number)};
}

class NftTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "cannot create a network namespace: " << std::strerror(errno);
    }
    if (run("nft list ruleset") != "") {
      GTEST_SKIP() << "nftables does not work here";
    }
    socket_.emplace(nl::Socket::open(NETLINK_NETFILTER).value());
  }

  void put(const Table& table) {
    nl::Batch batch;
    append_replacement(batch, table);
    const auto done = socket_->commit(batch, "put the table");
    ASSERT_TRUE(done) << done.error().message();
  }
  void change(const Table& table, const Set& set, const Difference& change) {
    nl::Batch batch;
    append_set_change(batch, table.full_name(), set, change);
    const auto done = socket_->commit(batch, "change the set");
    ASSERT_TRUE(done) << done.error().message();
  }
  std::vector<Element> elements(const Table& table, const Set& set) {
    return read_elements(*socket_, table.full_name(), set.name, set.has_ranges)
        .value()
        .value_or(std::vector<Element>{});
  }

  std::optional<nl::Socket> socket_;
};

Chain input(std::vector<Rule> rules) {
  return {"input", "filter", NF_INET_LOCAL_IN, 0, std::move(rules)};
}

std::vector<Element> normalized(std::vector<Element> elements) {
  normalize(elements);
  return elements;
}

TEST_F(NftTest, RangesOfOneFieldGoInAndComeBack) {
  Set set{"blocks", {Field::ip6_source}, {}, /*has_ranges=*/true};
  set.elements = normalized({range_of(cidr("fd00::/8")),
                             {address("2001:db8::1")},
                             {address("ffff::"), Bytes(16, std::byte{0xFF})}});
  const Table table{"t", {set}, {}, Family::ip6};

  put(table);

  EXPECT_EQ(elements(table, set), set.elements);
  const std::string listed = run("nft list table ip6 t");
  EXPECT_NE(listed.find("2001:db8::1,"), std::string::npos) << listed;
  EXPECT_NE(listed.find("fd00::/8,"), std::string::npos) << listed;
  EXPECT_NE(listed.find("ffff::/16 }"), std::string::npos) << listed;
}

TEST_F(NftTest, RangesOfConcatenationsGoInAndComeBack) {
  const Element web{key_of({address("10.0.0.0"), protocol(IPPROTO_TCP), port(80)}),
                    key_of({address("10.0.255.255"), protocol(IPPROTO_TCP), port(90)})};
  const Element dns{key_of({address("10.1.2.3"), protocol(IPPROTO_UDP), port(53)})};
  Set set{"services",
          {Field::destination_address, Field::ip_protocol, Field::destination_port},
          normalized({web, dns}),
          /*has_ranges=*/true};
  const Table table{"t", {set}, {}, Family::ip};

  put(table);

  EXPECT_EQ(elements(table, set), set.elements);
  const std::string listed = run("nft list table ip t");
  EXPECT_NE(listed.find("10.0.0.0/16 . tcp . 80-90"), std::string::npos) << listed;
  EXPECT_NE(listed.find("10.1.2.3 . udp . 53"), std::string::npos) << listed;
}

TEST_F(NftTest, AChangeTouchesItsElementsAlone) {
  Set set{"blocks", {Field::source_address}, {}, /*has_ranges=*/true};
  set.elements = normalized({range_of(cidr("10.0.0.0/8")), range_of(cidr("192.0.2.0/24"))});
  const Table table{"t", {set}, {}, Family::ip};
  put(table);
  const auto wanted = normalized({range_of(cidr("10.0.0.0/9")), range_of(cidr("192.0.2.0/24"))});

  change(table, set, difference(set.elements, wanted));

  EXPECT_EQ(elements(table, set), wanted);
}

TEST_F(NftTest, ManyElementsTakeSeveralMessages) {
  Set map{"pods", {Field::source_address, Field::destination_port}, {}, true, /*is_map=*/true};
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    map.elements.push_back({key_of({net::IpAddress::v4(0x0A000000 + i).bytes(), port(1)}),
                            key_of({net::IpAddress::v4(0x0A000000 + i).bytes(), port(999)}),
                            Jump{"a-chain-with-a-rather-long-name"}});
  }
  normalize(map.elements);
  const Table table{"t", {map}, {{"a-chain-with-a-rather-long-name", {}, 0, 0, {}}}, Family::inet};

  put(table);

  EXPECT_EQ(elements(table, map), map.elements);
}

/// What arrives at UDP ports of the loopback interface.
class UdpPorts {
 public:
  [[nodiscard]] static bool passes(int family, std::uint16_t number) {
    sockaddr_storage to{};
    socklen_t bytes = 0;
    if (family == AF_INET) {
      const sockaddr_in address{AF_INET, htons(number), {htonl(INADDR_LOOPBACK)}, {}};
      std::memcpy(&to, &address, bytes = sizeof address);
    } else {
      const sockaddr_in6 address{AF_INET6, htons(number), 0, IN6ADDR_LOOPBACK_INIT, 0};
      std::memcpy(&to, &address, bytes = sizeof address);
    }
    const UniqueFd receiver(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const UniqueFd sender(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(receiver.get(), reinterpret_cast<const sockaddr*>(&to), bytes), 0);
    sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), bytes);
    std::array<char, 8> got{};  // loopback delivers within the call
    return recv(receiver.get(), got.data(), got.size(), MSG_DONTWAIT) == 1;
  }
};

TEST_F(NftTest, AVerdictMapDecides) {
  run("ip link set lo up");
  Set map{"ports",
          {Field::ip_protocol, Field::destination_port},
          {},
          /*has_ranges=*/true,
          /*is_map=*/true};
  const auto udp = [](std::uint16_t number) {
    return key_of({protocol(IPPROTO_UDP), port(number)});
  };
  map.elements = normalized({{udp(1'000), udp(1'999), Verdict::drop},
                             {udp(2'000), {}, Goto{"dropping"}},
                             {udp(3'000), {}, Jump{"counting"}}});
  const Rule look_up{{VerdictOf{map.fields, map.name}}, "look up"};
  const Table table{"t",
                    {map},
                    {input({look_up, {{Verdict::accept}, "the rest"}}),
                     {"dropping", {}, 0, 0, {{{Verdict::drop}, ""}}},
                     {"counting", {}, 0, 0, {{{Count{}}, "counted"}}}},
                    Family::inet};

  put(table);

  EXPECT_EQ(elements(table, map), map.elements);
  EXPECT_NE(run("nft list table inet t").find("vmap @ports"), std::string::npos);
  for (const int family : {AF_INET, AF_INET6}) {
    EXPECT_FALSE(UdpPorts::passes(family, 1'000));
    EXPECT_FALSE(UdpPorts::passes(family, 1'999));
    EXPECT_FALSE(UdpPorts::passes(family, 2'000));
    EXPECT_TRUE(UdpPorts::passes(family, 2'001));
    EXPECT_TRUE(UdpPorts::passes(family, 3'000));
  }

  const auto wanted = normalized({{udp(1'000), udp(1'999), Verdict::accept}});
  change(table, map, difference(map.elements, wanted));

  EXPECT_TRUE(UdpPorts::passes(AF_INET, 1'999));
  EXPECT_TRUE(UdpPorts::passes(AF_INET, 2'000));
  EXPECT_EQ(elements(table, map), wanted);
}

TEST_F(NftTest, NetworksOfBothVersionsMatch) {
  run("ip link set lo up");
  const IsFamily is_v6{net::Family::v6};
  const Table table{
      "t",
      {},
      {input({{{is_v6, AddressIn{Side::source, cidr("::/3")}, Verdict::drop}, "loopback is in it"},
              {{is_v6, AddressIn{Side::destination, cidr("fe80::/10")}, Verdict::drop}, ""},
              {{IsFamily{net::Family::v4}, AddressIn{Side::source, cidr("128.0.0.0/1")},
                Verdict::drop},
               ""}})},
      Family::inet};

  put(table);

  EXPECT_NE(run("nft list table inet t").find("ip6 daddr fe80::/10 drop"), std::string::npos);
  EXPECT_FALSE(UdpPorts::passes(AF_INET6, 1'000));
  EXPECT_TRUE(UdpPorts::passes(AF_INET, 1'000));
}

}  // namespace
}  // namespace weft::nft
