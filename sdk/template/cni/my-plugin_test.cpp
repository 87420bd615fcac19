/// The commands, with stand-ins for the address and bridge plugins.

#include "my-plugin.hpp"

#include <map>

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

namespace my_plugin {
namespace {

/// One address for everybody.
class OneAddress final : public weft::Ipam {
 public:
  void allocate(weft::AddressOwner owner, std::vector<weft::net::Cidr> /*subnets*/,
                weft::Reply<std::vector<weft::AllocatedAddress>> reply) override {
    held.push_back(owner);
    reply(std::vector{weft::AllocatedAddress{weft::net::parse_cidr("10.32.0.1/12").value()}});
  }
  void claim(weft::AddressOwner, weft::net::Cidr, weft::Reply<>) override {}
  void release(weft::AddressOwner owner, weft::Reply<> reply) override {
    std::erase(held, owner);
    reply({});
  }
  void release_addresses(weft::AddressOwner, std::vector<weft::net::IpAddress>,
                         weft::Reply<>) override {}
  void lookup(weft::AddressOwner, weft::Reply<std::vector<weft::net::Cidr>>) override {}

  std::vector<std::string> held;
};

class PlainBridge final : public weft::Bridge {
 public:
  void info(weft::Reply<weft::BridgeInfo> reply) override {
    reply(weft::BridgeInfo{"weave", {}, 1376, {}});
  }
  void expose(weft::net::Cidr, bool, weft::Reply<>) override {}
  void hide(weft::net::Cidr, weft::Reply<>) override {}
};

class CniTest : public ::testing::Test {
 protected:
  CniTest() {
    EXPECT_TRUE(host_.services().provide<weft::Ipam>(ipam_));
    EXPECT_TRUE(host_.services().provide<weft::Bridge>(bridge_));
    host_.start<MyPlugin>("my-plugin");
  }

  weft::testing::SimWorld world_;
  OneAddress ipam_;
  PlainBridge bridge_;
  weft::testing::FakeHost host_{world_};
};

TEST_F(CniTest, GivesAContainerAnAddressAndTakesItBack) {
  EXPECT_EQ(host_.call("my-plugin.add", R"({"container":"c1"})").value(),
            R"({"addresses":["10.32.0.1/12"],"bridge":"weave","mtu":1376})");
  EXPECT_EQ(ipam_.held, std::vector<std::string>{"c1"});

  EXPECT_TRUE(host_.call("my-plugin.del", R"({"container":"c1"})"));
  EXPECT_TRUE(ipam_.held.empty());
}

TEST_F(CniTest, RefusesWhatIsNotARequest) {
  for (const char* const params : {"", "{}", "[]", "{\"container\":7}", "{\"container\":\"\"}"}) {
    EXPECT_EQ(host_.call("my-plugin.add", params).error().code, weft::Errc::invalid) << params;
  }
}

}  // namespace
}  // namespace my_plugin
