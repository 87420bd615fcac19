/// Identities of pods' interfaces and what is derived from them.

#include "attachment.hpp"

#include <set>

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

TEST(AddressOwner, IsTheContainerForItsFirstInterfaceAsWeaveNetHasIt) {
  EXPECT_EQ(address_owner({"0123456789abcdef", "eth0"}), "0123456789abcdef");
  EXPECT_EQ(address_owner({"0123456789abcdef", ""}), "0123456789abcdef") << "who says none";
}

TEST(AddressOwner, IsAnotherForEachFurtherInterface) {
  EXPECT_EQ(address_owner({"0123456789abcdef", "net1"}), "0123456789abcdef/net1");
  EXPECT_NE(address_owner({"a", "net1"}), address_owner({"a", "net2"}));
  EXPECT_NE(address_owner({"a", "b.net1"}), address_owner({"a.b", "net1"}));
}

TEST(AddressOwner, OfAnIdThatReadsAsAnAddressIsNotThatAddress) {
  EXPECT_EQ(address_owner({"10.32.0.7", "eth0"}), "10.32.0.7/eth0");
}

TEST(VethNames, DifferForIdsThatBeginAlikeAndForEachInterface) {
  std::set<std::string> names;
  for (const char* const id : {"cnitool-18ea758fcc6907b4b220", "cnitool-415fbfe66ace8a8e2af6",
                               "cnitool", "cnitool-", "a", "b", "web-frontend-1"}) {
    for (const char* const interface : {"eth0", "net1", "net2"}) {
      names.insert(veth_names({id, interface}).host);
    }
  }
  EXPECT_EQ(names.size(), 21u);
}

TEST(VethNames, AreStableAndFitInterfaces) {
  EXPECT_EQ(veth_names({"0123456789abcdef", "eth0"}), veth_names({"0123456789abcdef", "eth0"}));
  for (const std::string& id : {std::string("a"), std::string(256, 'x')}) {
    const VethNames names = veth_names({id, "sixteen-octets0"});
    EXPECT_EQ(names.host.size(), 15u);
    EXPECT_EQ(names.pod.size(), 15u);
    EXPECT_TRUE(names.host.starts_with("vethwepl"));
    EXPECT_NE(names.host.substr(8), names.pod) << "both ends may meet in one namespace";
  }
}

TEST(VethNames, OfOldTakeSevenCharactersOfTheContainerId) {
  EXPECT_EQ(old_veth_names("0123456789"), (VethNames{"vethwepl0123456", "vethwepg0123456"}));
  EXPECT_EQ(old_veth_names("abcde"), (VethNames{"vethweplabcde", "vethwepgabcde"}));
  EXPECT_NE(old_veth_names("a"), old_veth_names("b"));
  EXPECT_EQ(old_veth_names("a").host.size(), 15u);
}

TEST(PortAlias, SaysWhoseThePortIsInFull) {
  EXPECT_EQ(port_alias({"0123456789abcdef", "eth0"}), "weft:0123456789abcdef/eth0");
  EXPECT_TRUE(is_port_alias("weft:0123456789abcdef/eth0"));
  EXPECT_FALSE(is_port_alias(""));
  EXPECT_FALSE(is_port_alias("the printer's"));
}

TEST(PortAlias, GivesTheIdentityBack) {
  for (const AttachmentId& id :
       {AttachmentId{"0123456789abcdef", "eth0"}, AttachmentId{"a.b-c_d", "net#1"}}) {
    EXPECT_EQ(attachment_of(port_alias(id)), id);
  }
}

TEST(PortAlias, GivesNoIdentityForWhatIsNoneOrIsCut) {
  for (const char* const text :
       {"", "weft:", "weft:/", "weft:a", "weft:a/", "weft:/eth0", "weft:-a/eth0", "weft:a/b/c",
        "weft:a/sixteen-octets-0", "a/eth0"}) {
    EXPECT_EQ(attachment_of(text), std::nullopt) << text;
  }
  for (std::size_t length = 240; length <= 256; ++length) {
    const AttachmentId id{std::string(length, 'x'), "eth0"};
    const auto found = attachment_of(port_alias(id));
    EXPECT_TRUE(!found || *found == id) << length;
  }
}

TEST(PortAlias, OfTheLongestIdsFitsAndStillDiffers) {
  const std::string id(255, 'x');

  EXPECT_EQ(port_alias({id + "a", "eth0"}).size(), 255u);
  EXPECT_TRUE(is_port_alias(port_alias({id + "a", "eth0"})));
  EXPECT_NE(port_alias({id + "a", "eth0"}), port_alias({id + "b", "eth0"}));
  EXPECT_NE(port_alias({id + "a", "eth0"}), port_alias({id + "a", "net1"}));
}

}  // namespace
}  // namespace weft::cni
