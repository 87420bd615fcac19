/// What the node and its plugins answer, as people and programs see it.

#include <gtest/gtest.h>

#include "console/lines.hpp"
#include "render.hpp"

namespace weft::cli {

using namespace console;

namespace {

constexpr auto no_checks = "[]";

TEST(RenderStatus, SaysWhichPluginFailedAndWhy) {
  NodeStatus degraded;
  degraded.host = R"({"Version":"1","State":"degraded","Plugins":[
      {"Name":"sleeve","State":"started","Reason":""},
      {"Name":"nat-nft","State":"failed","Reason":"cannot open nfnetlink: Operation not permitted"},
      {"Name":"odp","State":"starting","Reason":"it did not start within 10 s"}],
      "Troubles":[{"Source":"mesh name","Reason":"it is another's"}]})";
  degraded.checks = no_checks;

  EXPECT_EQ(render_status(degraded)->text,
            "        Version: 1\n"
            "          State: degraded\n"
            "         Failed: nat-nft: cannot open nfnetlink: Operation not permitted\n"
            "       Starting: odp: it did not start within 10 s\n"
            "        Trouble: mesh name: it is another's\n");
}

TEST(RenderStatus, SaysWhatPluginsFoundWrong) {
  NodeStatus degraded;
  degraded.host = R"({"Version":"1","State":"ready","Plugins":[]})";
  degraded.checks = R"([{"check":"node-guard","state":"ok","text":"in force"},
      {"check":"forwarding","state":"wrong","text":"the policy of 'inet filter forward' drops"},
      {"check":"plugin","state":"wrong","text":"it failed"},
      {"check":"forwarding","state":"note","text":"it is written for pods"}])";

  EXPECT_EQ(render_status(degraded)->text,
            "        Version: 1\n"
            "          State: degraded\n"
            "          Wrong: forwarding: the policy of 'inet filter forward' drops\n");
  EXPECT_NE(status_json(degraded)->text.find(R"("State": "degraded")"), std::string::npos);
}

TEST(RenderStatus, HasTheSectionsOfItsPluginsApart) {
  const auto page = render_status({R"({"Version":"1","State":"ready","Warnings":["it is old"]})",
                                   no_checks,
                                   {{"Router", "", R"(["   Service: router"])"},
                                    {"Zoo", "", R"(["   Service: zoo","  Animals: 2"])"}}});
  ASSERT_TRUE(page);

  EXPECT_EQ(page->text,
            "        Version: 1\n"
            "        Warning: it is old\n"
            "\n"
            "   Service: router\n"
            "\n"
            "   Service: zoo\n"
            "  Animals: 2\n");
  EXPECT_TRUE(page->is_whole);
}

TEST(RenderStatus, NamesASectionThatIsMissingInItsPlace) {
  const NodeStatus status{R"({"Version":"1","State":"ready","Plugins":[]})",
                          no_checks,
                          {{"Router", "", fail(Errc::timeout, "get an answer")},
                           {"IPAM", "", "{"},
                           {"Zoo", "", R"(["there"])"}}};
  const auto page = render_status(status);
  const auto json = status_json(status);
  ASSERT_TRUE(page && json);

  EXPECT_EQ(page->text.substr(0, page->text.find("\n        Missing: IPAM: cannot read lines: ")),
            "        Version: 1\n"
            "\n"
            "        Missing: Router: cannot get an answer: timed out\n");
  EXPECT_TRUE(page->text.ends_with("\n\nthere\n")) << page->text;
  EXPECT_FALSE(page->is_whole);
  const Json object = Json::parse(json->text);
  EXPECT_EQ(object["Missing"].size(), 2u) << object;
  EXPECT_EQ(object["Zoo"][0], "there");
  EXPECT_FALSE(json->is_whole);
}

TEST(RenderStatus, IsForProgramsAnObjectOfTheSections) {
  const auto json = status_json({R"({"Version":"1","State":"ready","Plugins":[]})",
                                 no_checks,
                                 {{"Router", "", R"({"Name":"x"})"}, {"Zoo", "", "[]"}}});
  ASSERT_TRUE(json);

  EXPECT_EQ(Json::parse(json->text).dump(),
            R"({"Version":"1","State":"ready","Plugins":[],"Router":{"Name":"x"},"Zoo":[]})");
  EXPECT_TRUE(json->is_whole);
}

TEST(Lines, StayOneLineWhateverAPeerChose) {
  EXPECT_EQ(*render_lines(R"x(["02:00:00:00:00:01(evil\n02:00:00:00:00:02(forged)\u001b[2J)",7])x"),
            "02:00:00:00:00:01(evil\\n02:00:00:00:00:02(forged)\\x1b[2J)\n7\n");
  EXPECT_FALSE(render_lines("{}"));
}

TEST(Render, WhatAPeerChoseLeavesJsonWhole) {
  EXPECT_EQ(indent_json("{\"NickName\": \"\u202eevil\u2028\u0085\x7f\"}"),
            "{\n    \"NickName\": \"\\u202eevil\\u2028\\u0085\\u007f\"\n}\n");
}

TEST(RenderHolders, ShowsOneALine) {
  EXPECT_EQ(
      *render_holders(R"({"owned":[{"containerid":"c1","addrs":["10.32.0.1/12","10.32.0.2/12"]},
                                        {"containerid":"weave:expose","addrs":["10.32.0.3/12"]}]})"),
      "c1 10.32.0.1/12, 10.32.0.2/12\nweave:expose 10.32.0.3/12\n");
  EXPECT_EQ(*render_holders(R"({"owned":null})"), "");
}

TEST(Render, NeverThrowsOnJsonOfAnotherShape) {
  for (const char* text :
       {"null", "7", "[1,\"x\",null]", "{\"Entries\":3,\"Paxos\":\"x\"}", "[{}]"}) {
    const NodeStatus odd{"1", text, {{"Router", "", text}, {"Router", "x", text}}};
    EXPECT_TRUE(render_status(odd)) << text;
    EXPECT_TRUE(status_json(odd)) << text;
    EXPECT_TRUE(render_topics(text)) << text;
    EXPECT_TRUE(render_lanes(text)) << text;
    EXPECT_TRUE(render_commands(text)) << text;
    EXPECT_FALSE(render_event(text).empty()) << text;
  }
  EXPECT_EQ(render_topics("{").error().code, make_error_code(Errc::malformed));
}

TEST(RenderEvent, SaysWhenEventsAreMissing) {
  EXPECT_EQ(render_event(R"({"topic":"t/1","gap":true})"),
            "... events of t/1 were dropped here: they came faster than they were read\n");
  EXPECT_EQ(render_event(R"({"time":"T","publisher":"gossip","topic":"t/1","key":"","trace":"1f",
                             "text":"5 peers"})"),
            "T gossip t/1 trace=1f 5 peers\n");
  EXPECT_EQ(render_event(R"({"time":"T","publisher":"p","topic":"t/1","key":"k","trace":"2"})"),
            "T p t/1 trace=2 key=k\n");
}

TEST(RenderCommands, ShowsWhatEachTakes) {
  EXPECT_EQ(*render_commands(R"([{"name":"a.b","help":"Does it.","parameters":[
                {"name":"x","type":"string","required":true,"default":"","help":"What."},
                {"name":"y","type":"integer","required":false,"default":"7","help":"How."}]},
                {"name":"c","help":"Else.","parameters":[]}])"),
            "a.b: Does it.\n"
            "  x (string, required): What.\n"
            "  y (integer, 7): How.\n"
            "c: Else.\n");
}

TEST(RenderTopics, ShowsLatencyOnceSomethingWasDelivered) {
  EXPECT_EQ(*render_topics(R"([{"topic":"a/1","kind":"state","published":2,"current-values":1,
                  "subscribers":[{"plugin":"p","depth":0,"high-water":1,"delivered":2,"dropped":0,
                  "coalesced":0,"latency-p50-seconds":5e-6,"latency-p99-seconds":0.02},
                  {"plugin":"q"}]}])"),
            "TOPIC                        KIND   PUBLISHED VALUES\n"
            "a/1                          state          2      1\n"
            "   -> p: 2 delivered, 0 waiting (most 1), 0 dropped, 0 coalesced, latency p50 <= 5us, "
            "p99 <= 20ms\n"
            "   -> q: 0 delivered, 0 waiting (most 0), 0 dropped, 0 coalesced\n");
}

}  // namespace
}  // namespace weft::cli
