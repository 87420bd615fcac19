/// What weft-cni tells a daemon that guards pods' ports, and when.

#include "weft_cni_test_fixture.hpp"

namespace weft::cni {
namespace {

TEST_F(WeftCni, HasThePortGuardedBeforeThePodCanSend) {
  daemon_->set_guarding();

  ASSERT_EQ(cni("ADD", config()).status, 0);

  const auto guarded = daemon_->guarded();
  ASSERT_EQ(guarded.size(), 1u);
  const std::string mac = in_pod("cat /sys/class/net/eth0/address");
  EXPECT_EQ(guarded[0].params, (Json{{"port", port()},
                                     {"mac", mac.substr(0, 17)},
                                     {"addresses", {"10.32.0.2"}},
                                     {"guard", true}}));
  EXPECT_NE(guarded[0].link.find("state DOWN"), std::string::npos) << guarded[0].link;
  EXPECT_EQ(guarded[0].link.find("master"), std::string::npos) << guarded[0].link;
}

TEST_F(WeftCni, AttachesNoPodThatCannotBeGuarded) {
  daemon_->set_guarding();
  daemon_->refuse("cni.guard", Errc::abandoned);

  EXPECT_EQ(code_of(cni("ADD", config())), 11u);

  EXPECT_FALSE(has_host_end());
  EXPECT_TRUE(daemon_->addresses().empty());
}

TEST_F(WeftCni, SaysWhichPodsAreNotToBeGuarded) {
  daemon_->set_guarding();
  Json open = config();
  open["podGuard"] = false;

  ASSERT_EQ(cni("ADD", open).status, 0);

  EXPECT_EQ(daemon_->guarded().at(0).params["guard"], false);
}

TEST_F(WeftCni, CheckHasAPortGuardedThatWasNot) {
  Json with_result = config();
  with_result["prevResult"] = Json::parse(cni("ADD", config()).text);
  EXPECT_TRUE(daemon_->guarded().empty()) << "a daemon without guard is not asked for it";
  daemon_->set_guarding();

  ASSERT_EQ(cni("CHECK", with_result).status, 0);

  EXPECT_EQ(daemon_->guarded().at(0).params["port"], port());
}

}  // namespace
}  // namespace weft::cni
