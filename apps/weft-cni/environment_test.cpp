/// The environment a container runtime sets up.

#include "environment.hpp"

#include <map>

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

using Variables = std::map<std::string, std::string>;

Outcome<Invocation> read(const Variables& variables) {
  return read_invocation([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}

Variables add_variables() {
  return {{"CNI_COMMAND", "ADD"},
          {"CNI_CONTAINERID", "0123456789abcdef"},
          {"CNI_NETNS", "/var/run/netns/x"},
          {"CNI_IFNAME", "eth0"},
          {"CNI_PATH", "/opt/cni/bin"}};
}

TEST(Invocation, ReadsAllVariables) {
  EXPECT_EQ(
      read(add_variables()).value(),
      (Invocation{Command::add, "0123456789abcdef", "/var/run/netns/x", "eth0", "/opt/cni/bin"}));
}

TEST(Invocation, KnowsWhatKubernetesCallsThePod) {
  Variables variables = add_variables();
  variables["CNI_ARGS"] =
      "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;;=;x;K8S_POD_NAME=web=1;K8S_POD_UID=";
  EXPECT_EQ(read(variables).value().kubernetes, (events::KubernetesPod{"default", "web=1", ""}));

  variables["CNI_ARGS"] = "K8S_POD_NAME;K8S_POD_NAMEX=y";
  EXPECT_EQ(read(variables).value().kubernetes, events::KubernetesPod{});
}

TEST(Invocation, NamesWhatIsMissing) {
  const auto failed = read({{"CNI_COMMAND", "ADD"}, {"CNI_IFNAME", "eth0"}});

  EXPECT_EQ(failed.error().code, Code::invalid_environment);
  EXPECT_EQ(failed.error().message,
            "required environment variables are missing: CNI_CONTAINERID, CNI_NETNS");
}

TEST(Invocation, DelNeedsNoNamespaceAndVersionNeedsNothing) {
  Variables variables = add_variables();
  variables["CNI_COMMAND"] = "DEL";
  variables.erase("CNI_NETNS");

  EXPECT_TRUE(read(variables));
  EXPECT_TRUE(read({{"CNI_COMMAND", "VERSION"}}));
}

TEST(Invocation, RefusesHostileValues) {
  for (const auto& [name, value] : std::map<std::string, std::vector<std::string>>{
           {"CNI_COMMAND", {"", "add", "GC", "ADD "}},
           {"CNI_CONTAINERID", {"../../etc", "-a", "a b", "weave:expose", std::string(300, 'a')}},
           {"CNI_IFNAME", {".", "..", "a/b", "a:b", "eth 0", "eth%d", "sixteen-octets00"}}}) {
    for (const std::string& text : value) {
      Variables variables = add_variables();
      variables[name] = text;
      const auto failed = read(variables);
      ASSERT_FALSE(failed) << name << "=" << text;
      EXPECT_EQ(failed.error().code, Code::invalid_environment);
    }
  }
}

TEST(Role, FollowsTheProgramsNameThenTheType) {
  EXPECT_FALSE(acts_as_ipam("/opt/cni/bin/weave-net", "weave-net"));
  EXPECT_FALSE(acts_as_ipam("/opt/cni/bin/weave-net", "weave-ipam"));
  EXPECT_TRUE(acts_as_ipam("/opt/cni/bin/weave-ipam", "weave-net"));
  EXPECT_TRUE(acts_as_ipam("weft-cni", "weave-ipam"));
  EXPECT_FALSE(acts_as_ipam("weft-cni", "weft-cni"));
}

}  // namespace
}  // namespace weft::cni
