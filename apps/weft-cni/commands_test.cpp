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

TEST(PodRoutes, GoByDefaultToTheGateway) {
  EXPECT_EQ(pod_routes(cidr("10.32.0.4/12"), {}, ip("10.44.0.0")),
            (std::vector<PodRoute>{{cidr("0.0.0.0/0"), ip("10.44.0.0")}}));
}

TEST(PodRoutes, ReachAGatewayOutsideThePodsNetworkFirst) {
  EXPECT_EQ(
      pod_routes(cidr("172.30.0.4/24"), {}, ip("10.44.0.0")),
      (std::vector<PodRoute>{{cidr("10.44.0.0/32"), {}}, {cidr("0.0.0.0/0"), ip("10.44.0.0")}}));
}

TEST(PodRoutes, AreThoseOfIpamWhenItGivesAny) {
  EXPECT_EQ(
      pod_routes(cidr("10.32.0.4/12"),
                 {{cidr("10.0.0.0/8"), {}}, {cidr("0.0.0.0/0"), ip("10.32.0.9")}}, ip("10.44.0.0")),
      (std::vector<PodRoute>{{cidr("10.0.0.0/8"), ip("10.44.0.0")},
                             {cidr("0.0.0.0/0"), ip("10.32.0.9")}}));
}

TEST(PodRoutes, AreNoneWithoutGateway) {
  EXPECT_TRUE(pod_routes(cidr("10.32.0.4/12"), {}, std::nullopt).empty());
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
