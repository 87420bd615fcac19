/// Configurations and results of CNI as JSON.

#include "network_config.hpp"

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

net::Cidr cidr(std::string_view text) {
  return net::parse_cidr(text).value();
}
net::IpAddress ip(std::string_view text) {
  return net::parse_ip(text).value();
}

PodResult guide_result() {
  PodResult result;
  result.interfaces = {{"vethwepl0123456", "aa:bb:cc:dd:ee:ff", ""},
                       {"eth0", "aa:bb:cc:dd:ee:00", "/var/run/netns/x"}};
  result.addresses = {{cidr("10.32.0.4/12"), ip("10.32.0.1"), 1}};
  result.routes = {{cidr("0.0.0.0/0"), ip("10.32.0.1")}};
  return result;
}

TEST(NetworkConfig, HasTheOriginalsDefaults) {
  const NetworkConfig config = parse_config(R"({"cniVersion":"1.0.0","name":"weave"})").value();

  EXPECT_TRUE(config.hairpin);
  EXPECT_EQ(config.mtu, 0u);
  EXPECT_EQ(config.ipam, IpamConfig{});
  EXPECT_EQ(config.dns, "{}");
  EXPECT_FALSE(config.previous);
}

TEST(NetworkConfig, ReadsEveryKey) {
  const NetworkConfig config = parse_config(R"({
    "cniVersion": "0.4.0", "name": "weave", "type": "weave-net", "bridge": "br0", "mtu": 1400,
    "hairpinMode": false, "isGateway": false, "ipMasq": false, "socket": "/run/x.sock",
    "dns": {"nameservers": ["10.96.0.10"]}, "unknown": [1, {"x": null}],
    "ipam": {"subnet": "10.40.0.0/16", "gateway": "10.40.0.1",
             "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.0.0.0/8", "gw": "10.40.0.9"}]},
    "prevResult": {"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.40.0.2/16"}]}
  })")
                                   .value();

  EXPECT_EQ(config.version, "0.4.0");
  EXPECT_EQ(config.bridge, "br0");
  EXPECT_EQ(config.mtu, 1400u);
  EXPECT_FALSE(config.hairpin);
  EXPECT_EQ(config.socket, "/run/x.sock");
  EXPECT_EQ(config.dns, R"({"nameservers":["10.96.0.10"]})");
  EXPECT_EQ(config.ipam,
            (IpamConfig{"",
                        cidr("10.40.0.0/16"),
                        ip("10.40.0.1"),
                        {{cidr("0.0.0.0/0"), {}}, {cidr("10.0.0.0/8"), ip("10.40.0.9")}}}));
  EXPECT_EQ(config.previous->addresses.front().address, cidr("10.40.0.2/16"));
}

TEST(NetworkConfig, SaysWhichCodeAndKeyIsWrong) {
  const auto code_of = [](std::string_view text) {
    const auto config = parse_config(text);
    return config ? Code{} : config.error().code;
  };
  EXPECT_EQ(code_of(""), Code::decode_failure);
  EXPECT_EQ(code_of("[]"), Code::decode_failure);
  EXPECT_EQ(code_of("{\"name\":"), Code::decode_failure);
  EXPECT_EQ(code_of(R"({"cniVersion":"9.9.9","name":"weave"})"), Code::incompatible_version);
  EXPECT_EQ(code_of(R"({"cniVersion":"1.0.0"})"), Code::invalid_configuration);
  for (const char* const key :
       {R"("mtu":"x")", R"("mtu":-1)", R"("mtu":70000)", R"("hairpinMode":1)", R"("bridge":{})",
        R"("ipam":[])", R"("ipam":{"type":"../evil"})", R"("ipam":{"subnet":"10"})",
        R"("ipam":{"routes":{}})", R"("ipam":{"routes":[{}]})", R"("dns":[])", R"("prevResult":1)",
        R"("isGateway":true)", R"("ipMasq":true)"}) {
    EXPECT_EQ(code_of(std::string(R"({"name":"weave",)") + key + "}"), Code::invalid_configuration)
        << key;
  }
}

TEST(NetworkConfig, WhatIsWantedIsNotWhatWasGiven) {
  const auto refusal = [](const std::string& key) {
    const auto config = parse_config(R"({"cniVersion":"1.0.0","name":"w",)" + key + "}");
    const std::string head = "invalid network configuration: ";
    const std::string text = config ? "accepted" : config.error().message;
    return text.starts_with(head) ? text.substr(head.size()) : text;
  };
  EXPECT_EQ(refusal(R"("mtu":1376.0)"), "'mtu' must be an integer from 0 to 65535, not 1376.0");
  EXPECT_EQ(refusal(R"("mtu":"1376")"), R"('mtu' must be an integer from 0 to 65535, not "1376")");
  EXPECT_EQ(refusal(R"("mtu":100)"),
            "'mtu' must be 0, for the bridge's, or from 552 to 65535, not 100");
  EXPECT_EQ(refusal(R"("mtu":551)"),
            "'mtu' must be 0, for the bridge's, or from 552 to 65535, not 551");
  EXPECT_EQ(refusal(R"("mtu":552)"), "accepted");
  EXPECT_EQ(refusal(R"("mtu":65536)"), "'mtu' must be an integer from 0 to 65535, not 65536");
  EXPECT_EQ(refusal(R"("podGuard":"true")"),
            R"('podGuard' must be true or false, without quotes, not "true")");
  EXPECT_EQ(refusal(R"("bridge":7)"), "'bridge' must be a string, not 7");
  EXPECT_EQ(refusal(R"("dns":[])"), "'dns' must be an object, not []");
  EXPECT_EQ(refusal(R"("ipam":{"routes":["10.0.0.0/8"]})"),
            R"('routes' must be a list of objects, not "10.0.0.0/8")");
  EXPECT_EQ(refusal(R"("ipam":{"gateway":"10.32.0.1/12"})"),
            R"('gateway' must be an address like 10.32.0.1, not "10.32.0.1/12")");
  EXPECT_EQ(refusal(R"("bridge":[")" + std::string(1000, 'x') + "\"]").size(), 98u);
  EXPECT_EQ(parse_config(R"({"name":""})").error().message,
            "invalid network configuration: 'name' must be given, and not be empty");
}

/// 0.3.2 was never published, but lies between others.
TEST(NetworkConfig, EverySupportedVersionIsNamed) {
  const auto config = parse_config(R"({"cniVersion":"0.3.2","name":"w"})");

  EXPECT_EQ(config.error().details,
            "config is \"0.3.2\", plugin supports 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0 and 1.0.0");
}

TEST(NetworkConfig, AnObjectThatIsNestedTooDeepIsNotCalledSomethingElse) {
  std::string deep = "{}";
  for (int level = 0; level < 40; ++level) {
    deep = R"({"a":)" + deep + "}";
  }
  EXPECT_EQ(parse_config(R"({"name":"w","dns":)" + deep + "}").error().message,
            "cannot decode the input: it is nested deeper than 32 levels");
}

TEST(NetworkConfig, AnEmptyVersionIsNone) {
  EXPECT_EQ(parse_config(R"({"cniVersion":"","name":"weave"})").value().version, "0.1.0");
}

TEST(RemovalConfig, KeepsWhatCanBeReadOfABadConfiguration) {
  const NetworkConfig config =
      removal_config(R"({"cniVersion":"1.1.0","mtu":-1,"type":"weave-net","socket":"/run/x.sock",
                         "ipam":{"type":"host-local","subnet":7},
                         "prevResult":{"ips":[{"address":"10.32.0.4/12"}]}})");

  EXPECT_EQ(config.socket, "/run/x.sock");
  EXPECT_EQ(config.ipam.type, "host-local") << "its addresses are to be freed";
  EXPECT_EQ(config.previous.value().addresses.front().address, cidr("10.32.0.4/12"));
}

TEST(RemovalConfig, OfAnythingElseIsTheDefault) {
  for (const char* const text :
       {"", "[]", "{", R"({"cniVersion":7,"socket":7,"ipam":7,"prevResult":7,"type":{}})",
        R"({"ipam":{"type":"../evil"},"prevResult":{"ips":7}})"}) {
    const NetworkConfig config = removal_config(text);
    EXPECT_EQ(config.socket + config.ipam.type + config.type, "") << text;
    EXPECT_FALSE(config.previous) << text;
  }
}

TEST(NetworkConfig, SurvivesDeepNesting) {
  const std::string deep = R"({"name":"w","dns":{"a":)" + std::string(100000, '[');

  EXPECT_EQ(parse_config(deep).error().code, Code::decode_failure);
}

TEST(NetworkConfig, LeavesOtherPluginsIpamKeysAlone) {
  EXPECT_TRUE(parse_config(R"({"name":"w","ipam":{"type":"host-local","routes":7,"subnet":8}})"));
}

TEST(PodResult, IsWrittenAsEachVersionWantsIt) {
  EXPECT_EQ(format_result(guide_result(), "1.0.0"), R"({
    "cniVersion": "1.0.0",
    "interfaces": [
        {
            "name": "vethwepl0123456",
            "mac": "aa:bb:cc:dd:ee:ff"
        },
        {
            "name": "eth0",
            "mac": "aa:bb:cc:dd:ee:00",
            "sandbox": "/var/run/netns/x"
        }
    ],
    "ips": [
        {
            "address": "10.32.0.4/12",
            "gateway": "10.32.0.1",
            "interface": 1
        }
    ],
    "routes": [
        {
            "dst": "0.0.0.0/0",
            "gw": "10.32.0.1"
        }
    ],
    "dns": {}
}
)");
  EXPECT_NE(format_result(guide_result(), "0.3.0").find(R"("version": "4")"), std::string::npos);
  EXPECT_NE(format_result(guide_result(), "0.2.0").find(R"("ip": "10.32.0.4/12")"),
            std::string::npos);
}

// Source: Weave Net's result for 0.2.0 (vectors/dp-cni.txt, the fork).
TEST(PodResult, HasTheLegacyFormWithoutRoutes) {
  PodResult result = guide_result();
  result.routes.clear();

  EXPECT_EQ(format_result(result, "0.2.0"), R"({
    "cniVersion": "0.2.0",
    "ip4": {
        "ip": "10.32.0.4/12",
        "gateway": "10.32.0.1"
    },
    "dns": {}
}
)");
}

TEST(PodResult, SurvivesEveryVersion) {
  for (const std::string_view version : supported_versions) {
    const auto read = parse_result(format_result(guide_result(), version));
    ASSERT_TRUE(read) << version;
    EXPECT_EQ(read->addresses.front().address, cidr("10.32.0.4/12"));
    EXPECT_EQ(read->routes, guide_result().routes);
  }
}

TEST(Failure, IsPrintedWithItsCode) {
  EXPECT_EQ(format_failure({Code::try_again_later, "weftd is down", "start it"}, "1.0.0"), R"({
    "cniVersion": "1.0.0",
    "code": 11,
    "msg": "weftd is down",
    "details": "start it"
}
)");
}

TEST(Failure, OfADelegateKeepsItsWords) {
  EXPECT_EQ(parse_failure(R"({"code":11,"msg":"full","details":"d"})"),
            (Failure{Code::try_again_later, "full", "d"}));
  EXPECT_EQ(parse_failure(R"({"code":999,"msg":"broken"})").code, Code::general);
  EXPECT_FALSE(parse_failure("Segmentation fault").message.empty());
  EXPECT_FALSE(parse_failure(R"({"msg":5})").message.empty());
}

TEST(Versions, AreAnnounced) {
  EXPECT_NE(format_versions().find("supportedVersions"), std::string::npos);
}

}  // namespace
}  // namespace weft::cni
