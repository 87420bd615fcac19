/// What collides with the pods' networks, and what is free instead.

#include "host_networks.hpp"

#include <gtest/gtest.h>

namespace weft::bridge {
namespace {

net::Cidr cidr(const char* text) {
  return net::parse_cidr(text).value();
}

net::IpAddress ip(const char* text) {
  return net::parse_ip(text).value();
}

std::vector<std::string> free_texts(const HostNetworks& host, const char* pods) {
  std::vector<std::string> texts;
  for (const net::Cidr& network : free_networks(host, cidr(pods))) {
    texts.push_back(to_string(network));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(HostNetworks, WhatLiesInThePodsNetworkCollides) {
  const HostNetworks host{
      {{cidr("10.44.0.0/24"), "a network of eth0"}, {cidr("10.99.0.0/24"), "a network of eth1"}},
      {{ip("10.33.5.12"), "a peer"}, {ip("10.48.0.1"), "a resolver"}}};

  EXPECT_EQ(find_collisions(host, cidr("10.32.0.0/12")),
            (Texts{"10.44.0.0/24, a network of eth0", "10.33.5.12, a peer"}));
}

TEST(HostNetworks, TheSameNetworkCollidesAndALargerOneDoesNot) {
  const HostNetworks host{
      {{cidr("10.32.0.0/12"), "routed by vpn"}, {cidr("10.0.0.0/8"), "routed by wg0"}}, {}};

  EXPECT_EQ(find_collisions(host, cidr("10.32.0.0/12")), Texts{"10.32.0.0/12, routed by vpn"});
}

TEST(HostNetworks, ALargerNetworkThatTheHostIsInCollides) {
  const HostNetworks host{{{cidr("10.92.0.0/24"), "a network of eth0"}},
                          {{ip("10.92.0.11"), "this node's own on eth0"}},
                          {{cidr("10.92.0.0/24"), "the network of eth0"}}};

  EXPECT_EQ(find_collisions(host, cidr("10.92.0.128/25")),
            Texts{"10.92.0.0/24, the network of eth0, around it"});
  EXPECT_EQ(find_collisions(host, cidr("10.93.0.0/16")), Texts{});
}

TEST(HostNetworks, ProposesWhatFollowsAndOverlapsWithNothing) {
  const HostNetworks host{{{cidr("10.48.0.0/16"), "a network of eth0"}},
                          {{ip("10.80.0.1"), "a resolver"}}};

  EXPECT_EQ(free_texts(host, "10.32.0.0/12"),
            (Texts{"10.64.0.0/12", "10.96.0.0/12", "10.112.0.0/12"}));
}

TEST(HostNetworks, ProposesWhatComesBeforeWhenNothingFollows) {
  const HostNetworks host{{{cidr("172.16.0.0/12"), "a network of eth0"}}, {}};

  EXPECT_EQ(free_texts(host, "10.240.0.0/12"),
            (Texts{"10.0.0.0/12", "10.16.0.0/12", "10.32.0.0/12"}));
}

TEST(HostNetworks, LeavesASpaceThatTheHostRoutesAsAWhole) {
  const HostNetworks host{{{cidr("10.0.0.0/8"), "routed by wg0"}}, {}};

  EXPECT_EQ(free_texts(host, "10.32.0.0/12"),
            (Texts{"172.16.0.0/12", "100.64.0.0/12", "100.80.0.0/12"}));
}

TEST(HostNetworks, HasNothingToProposeWhereNothingIsLarge) {
  EXPECT_EQ(free_texts({}, "10.0.0.0/7"), Texts{});
  EXPECT_EQ(free_texts({}, "fd00::/64"), Texts{});
}

TEST(HostNetworks, ReadsTheServersOfAResolverFile) {
  EXPECT_EQ(parse_resolvers("# nameserver 10.0.0.1\n"
                            "search example\n"
                            "  nameserver\t10.33.5.1 \n"
                            "nameserver fe80::1%eth0\n"
                            "nameservers 10.0.0.2\n"
                            "nameserver\n"
                            "nameserver nonsense\n"
                            "nameserver 10.33.5.2"),
            (std::vector{ip("10.33.5.1"), ip("fe80::1"), ip("10.33.5.2")}));
}

}  // namespace
}  // namespace weft::bridge
