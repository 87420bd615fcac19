/// What the commands decide before they touch anything.

#include "commands.hpp"

#include <gtest/gtest.h>

#include "daemon.hpp"

namespace weft::cni {
namespace {

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}
net::IpAddress ip(std::string_view text) {
  return net::parse_ip(text).value();
}

PodAddress pod_address(std::string_view address, std::string_view gateway) {
  const net::IpAddress via = ip(gateway);
  return {cidr(address), via, {default_route(via.family)}};
}

TEST(PodRoutes, GoByTheGatewayOfEachFamily) {
  EXPECT_EQ(
      pod_routes({pod_address("10.32.0.4/12", "10.44.0.0"), pod_address("fd00::4/64", "fd00::1")}),
      (std::vector<PodRoute>{{cidr("0.0.0.0/0"), ip("10.44.0.0")}, {cidr("::/0"), ip("fd00::1")}}));
}

TEST(PodRoutes, ReachAGatewayOutsideThePodsNetworkFirst) {
  EXPECT_EQ(
      pod_routes({pod_address("172.30.0.4/24", "10.44.0.0")}),
      (std::vector<PodRoute>{{cidr("10.44.0.0/32"), {}}, {cidr("0.0.0.0/0"), ip("10.44.0.0")}}));
  EXPECT_EQ(pod_routes({pod_address("fd01::4/64", "fd00::1")}),
            (std::vector<PodRoute>{{cidr("fd00::1/128"), {}}, {cidr("::/0"), ip("fd00::1")}}));
}

TEST(PodRoutes, MayHaveAGatewayOfTheirOwn) {
  const PodAddress address{cidr("10.32.0.4/12"),
                           ip("10.44.0.0"),
                           {{cidr("10.0.0.0/8"), {}}, {cidr("0.0.0.0/0"), ip("10.32.0.9")}}};
  EXPECT_EQ(pod_routes({address}), (std::vector<PodRoute>{{cidr("10.0.0.0/8"), ip("10.44.0.0")},
                                                          {cidr("0.0.0.0/0"), ip("10.32.0.9")}}));
}

TEST(PodRoutes, AreNoneWithoutGateway) {
  EXPECT_TRUE(pod_routes({{cidr("10.32.0.4/12"), {}, {}}}).empty());
}

TEST(ConfiguredAddresses, TakeGatewayAndRoutesOfTheirFamily) {
  const std::vector addresses{pod_address("10.32.0.4/12", "10.44.0.0"),
                              pod_address("fd00::4/64", "fd00::1")};
  IpamConfig config;
  EXPECT_EQ(configured(addresses, config), addresses);

  config.gateway = ip("10.32.0.9");
  config.routes = {{cidr("fd01::/64"), {}}};
  EXPECT_EQ(configured(addresses, config),
            (std::vector<PodAddress>{pod_address("10.32.0.4/12", "10.32.0.9"),
                                     {cidr("fd00::4/64"), ip("fd00::1"), config.routes}}));
}

TEST(DelegatedAddresses, HaveTheDelegatesRoutesOrTheDefault) {
  PodResult given;
  given.addresses = {{cidr("10.5.0.4/24"), ip("10.5.0.1"), {}}, {cidr("fd05::4/64"), {}, {}}};
  given.routes = {{cidr("10.0.0.0/8"), {}}};

  EXPECT_EQ(delegated(given, {pod_address("10.5.0.4/24", "10.44.0.0"),
                              pod_address("fd05::4/64", "fd00::1")}),
            (std::vector<PodAddress>{{cidr("10.5.0.4/24"), ip("10.5.0.1"), given.routes},
                                     pod_address("fd05::4/64", "fd00::1")}));
}

TEST(DelegatedAddresses, HaveTheRoutesOfAFamilyOnce) {
  PodResult given;
  given.addresses = {{cidr("10.5.0.4/24"), ip("10.5.0.1"), {}},
                     {cidr("10.6.0.4/24"), ip("10.6.0.1"), {}}};

  EXPECT_EQ(delegated(given, {}),
            (std::vector<PodAddress>{pod_address("10.5.0.4/24", "10.5.0.1"),
                                     {cidr("10.6.0.4/24"), ip("10.6.0.1"), {}}}));
}

TEST(FailureOfDaemon, AsksToTryAgainWhenTheDaemonIsAway) {
  const auto code_of = [](const tl::unexpected<Error>& error) {
    return failure_of_daemon(error.value()).code;
  };
  EXPECT_EQ(code_of(fail(ENOENT, "connect")), Code::try_again_later);
  EXPECT_EQ(code_of(fail(ECONNREFUSED, "connect")), Code::try_again_later);
  EXPECT_EQ(code_of(fail(EAGAIN, "run command 'cni.add'")), Code::try_again_later);
  EXPECT_EQ(code_of(fail(Errc::not_found, "run command 'cni.add'")), Code::try_again_later);
  EXPECT_EQ(code_of(fail(Errc::timeout, "allocate")), Code::try_again_later);
  EXPECT_EQ(code_of(fail(Errc::invalid, "allocate: outside")), Code::invalid_configuration);
  EXPECT_EQ(code_of(fail(EACCES, "connect")), Code::general);
}

}  // namespace
}  // namespace weft::cni
