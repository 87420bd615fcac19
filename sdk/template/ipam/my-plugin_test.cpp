/// Addresses as another plugin gets them, also over a restart.

#include "my-plugin.hpp"

#include <gtest/gtest.h>
#include <weft/testing/fake_host.hpp>

namespace my_plugin {
namespace {

const std::string small_range = "10.1.0.0/29";

/// A node whose store survives it.
class Node {
 public:
  explicit Node(std::shared_ptr<weft::testing::MemoryDisk> disk) : host_(world_, {}, {}, disk) {
    host_.start<MyPlugin>("my-plugin", {{"range", small_range}});
  }

  weft::Result<weft::net::Cidr> allocate(const std::string& owner) {
    return host_
        .await<std::vector<weft::AllocatedAddress>>(
            [&](auto reply) { ipam().allocate(owner, {}, std::move(reply)); })
        .map([](const auto& allocated) { return allocated.at(0).address; });
  }
  weft::Result<> claim(const std::string& owner, const char* address) {
    return host_.await<>([&](weft::Reply<> reply) {
      ipam().claim(owner, weft::net::parse_cidr(address).value(), std::move(reply));
    });
  }
  weft::Result<> release_addresses(const std::string& owner, const char* address) {
    return host_.await<>([&](weft::Reply<> reply) {
      ipam().release_addresses(owner, {weft::net::parse_ip(address).value()}, std::move(reply));
    });
  }
  weft::Result<> release(const std::string& owner) {
    return host_.await<>([&](weft::Reply<> reply) { ipam().release(owner, std::move(reply)); });
  }

 private:
  weft::Ipam& ipam() { return **host_.services().require<weft::Ipam>(); }

  weft::testing::SimWorld world_;
  weft::testing::FakeHost host_;
};

class IpamTest : public ::testing::Test {
 protected:
  std::shared_ptr<weft::testing::MemoryDisk> disk_ = std::make_shared<weft::testing::MemoryDisk>();
  Node node_{disk_};
};

TEST_F(IpamTest, GivesOneAddressToEachOwner) {
  EXPECT_EQ(weft::net::to_string(node_.allocate("pod1").value()), "10.1.0.1/29");
  EXPECT_EQ(weft::net::to_string(node_.allocate("pod2").value()), "10.1.0.2/29");
  EXPECT_EQ(weft::net::to_string(node_.allocate("pod1").value()), "10.1.0.1/29");
}

TEST_F(IpamTest, SaysWhenNothingIsLeft) {
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(node_.allocate("pod" + std::to_string(i)));
  }

  EXPECT_EQ(node_.allocate("one too many").error().code, weft::Errc::pool_exhausted);
  ASSERT_TRUE(node_.release("pod3"));
  EXPECT_TRUE(node_.allocate("one too many"));
}

TEST_F(IpamTest, RefusesAClaimOfWhatAnotherHolds) {
  ASSERT_TRUE(node_.allocate("pod1"));

  EXPECT_EQ(node_.claim("pod2", "10.1.0.1/29").error().code, weft::Errc::conflict);
  EXPECT_TRUE(node_.claim("pod1", "10.1.0.1/29"));
}

TEST_F(IpamTest, FreesAnAddressOfItsOwnerOnly) {
  ASSERT_TRUE(node_.allocate("pod1"));

  ASSERT_TRUE(node_.release_addresses("pod2", "10.1.0.1"));
  EXPECT_EQ(weft::net::to_string(node_.allocate("pod2").value()), "10.1.0.2/29");
  ASSERT_TRUE(node_.release_addresses("pod1", "10.1.0.1"));
  EXPECT_EQ(weft::net::to_string(node_.allocate("pod3").value()), "10.1.0.1/29");
}

TEST_F(IpamTest, RemembersOverARestart) {
  ASSERT_TRUE(node_.allocate("pod1"));

  Node restarted{disk_};

  EXPECT_EQ(weft::net::to_string(restarted.allocate("pod2").value()), "10.1.0.2/29");
}

}  // namespace
}  // namespace my_plugin
