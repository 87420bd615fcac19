/// What `weft doctor` makes of the plugins' answers.

#include "doctor.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

constexpr auto status = R"({"Plugins":[{"Name":"bridge","State":"started","Reason":""},
    {"Name":"sleeve","State":"started","Reason":""},
    {"Name":"odp","State":"failed","Reason":"no datapath"}]})";
constexpr auto healthy = R"({"Plugins":[]})";

TEST(Doctor, AsksThePluginsThatRun) {
  EXPECT_EQ(running_plugins(status).value(), (std::vector<std::string>{"bridge", "sleeve"}));
  EXPECT_FALSE(running_plugins("{"));
}

TEST(Doctor, IsWellWhenNothingIsWrong) {
  const auto page = render_doctor(
      healthy, {{"bridge", R"([{"check":"node-guard","state":"ok","text":"in force","remedy":""},
                               {"check":"node-guard","state":"note","text":"odd","remedy":"look"}])"},
                {"cni", R"([{"check":"pod-guard","state":"off","text":"switched off"}])"}});

  ASSERT_TRUE(page);
  EXPECT_EQ(page->text,
            "ok     node-guard (bridge): in force\n"
            "note   node-guard (bridge): odd\n"
            "       look\n"
            "off    pod-guard (cni): switched off\n");
  EXPECT_TRUE(page->is_well);
}

TEST(Doctor, IsNotWellWhenACheckIsWrong) {
  const auto page = render_doctor(
      healthy,
      {{"cni", R"([{"check":"pod-guard","state":"wrong","text":"gone","remedy":"mend"}])"}});

  ASSERT_TRUE(page);
  EXPECT_FALSE(page->is_well);
  EXPECT_NE(page->json.find(R"("plugin": "cni")"), std::string::npos) << page->json;
}

TEST(Doctor, IsNotWellWhenAPluginFailedOrCannotSay) {
  const auto failed = render_doctor(status, {});
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->text,
            "wrong  plugin (odp): it failed: no datapath\n"
            "       weft reload odp\n");
  EXPECT_FALSE(failed->is_well);

  const auto mute = render_doctor(healthy, {{"cni", fail(Errc::timeout, "ask")}});
  ASSERT_TRUE(mute);
  EXPECT_FALSE(mute->is_well);

  EXPECT_FALSE(render_doctor(healthy, {{"cni", std::string("no JSON")}}));
}

}  // namespace
}  // namespace weft::cli
