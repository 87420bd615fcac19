/// What the control commands of weft-cni make of the JSON that weft-cni sends, and of other JSON.

#include "command_parameters.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/control/parameters.hpp"

namespace weft::cni {
namespace {

/// As the host binds them.
template <class Parameters>
Result<Parameters> bound(const std::string& json) {
  Parameters parameters;
  Schema schema;
  parameters.describe(schema);
  WEFT_TRY(control::bind_parameters(json, schema));
  WEFT_TRY(parameters.validate());
  return parameters;
}

TEST(PodParameters, AreWhatWeftCniSent) {
  const PodRequest request{
      "a1b2c3",
      "eth0",
      net::parse_cidr("10.40.0.0/16").value(),
      {net::parse_cidr("10.40.0.7/16").value(), net::parse_cidr("fd00::7/64").value()},
      INT64_MAX,
      true};
  const PodRequest least{"a1b2c3", "", {}, {}};

  EXPECT_EQ(bound<PodParameters>(to_json(request)).value().request, request);
  EXPECT_EQ(bound<PodParameters>(to_json(least)).value().request, least);
}

TEST(PodParameters, RefuseWhatCniRefuses) {
  EXPECT_TRUE(bound<PodParameters>(R"({"container_id":"a.b_c-1"})"));
  for (const char* const json :
       {R"({"container_id":"weave:expose"})", R"({"container_id":"../x"})",
        R"({"container_id":""})", R"({"container_id":7})", "{}",
        R"({"container_id":"a","ifname":"a/b"})", R"({"container_id":"a","ifname":"eth%d"})",
        R"({"container_id":"a","ifname":7})", R"({"container_id":"a","attempt":-1})",
        R"({"container_id":"a","attempt":"1"})", R"({"container_id":"a","addresses":["x"]})"}) {
    EXPECT_FALSE(bound<PodParameters>(json)) << json;
  }
}

TEST(PodParameters, RefuseMoreAddressesThanAPodMayHave) {
  std::string list = "\"10.32.0.1/12\"";
  for (int i = 0; i < 16; ++i) {
    list += ",\"10.32.0.1/12\"";
  }

  const auto refused = bound<PodParameters>(R"({"container_id":"a","addresses":[)" + list + "]}");

  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("'addresses'"), std::string::npos);
}

TEST(PortParameters, AreWhatWeftCniSent) {
  const PodPort port{"vethwepl0123456",
                     net::parse_mac("02:00:00:00:00:07").value(),
                     {net::parse_ip("10.32.0.7").value(), net::parse_ip("fd00::7").value()},
                     false};

  EXPECT_EQ(bound<PortParameters>(to_json(port)).value().port, port);
}

TEST(PortParameters, RefuseWhatCannotBeGuarded) {
  for (const char* const json :
       {R"({"port":"p","addresses":[]})", R"({"port":"p","mac":"nonsense","addresses":[]})",
        R"({"port":"p","mac":"02:00:00:00:00:07"})",
        R"({"port":"p","mac":"02:00:00:00:00:07","addresses":[7]})",
        R"({"port":"p","mac":"02:00:00:00:00:07","addresses":[],"guard":1})"}) {
    EXPECT_FALSE(bound<PortParameters>(json)) << json;
  }
}

TEST(AttachedParameters, AreWhatWeftCniSent) {
  const events::PodAttached pod{
      "a1b2c3",
      "eth0",
      "vethwepl0123456",
      net::parse_mac("02:00:00:00:00:07").value(),
      net::parse_mac("02:00:00:00:00:08").value(),
      {net::parse_cidr("10.32.0.7/12").value(), net::parse_cidr("fd00::7/64").value()},
      "/var/run/netns/x",
      {"default", "web-1", "0f"}};
  const std::string json = to_json(pod);

  EXPECT_EQ(bound<AttachedParameters>(json).value().pod, pod);
  for (const auto& [good, bad] :
       std::vector<std::pair<std::string, std::string>>{{"a1b2c3", "../x"},
                                                        {"vethwepl0123456", "a/b"},
                                                        {"02:00:00:00:00:08", "x"},
                                                        {"10.32.0.7/12", "x"},
                                                        {"\"web-1\"", "7"}}) {
    std::string wrong = json;
    wrong.replace(wrong.find(good), good.size(), bad);
    EXPECT_FALSE(bound<AttachedParameters>(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace weft::cni
