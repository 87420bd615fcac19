/// The status pages, compared with what Weave Net prints for the same state.

#include <gtest/gtest.h>

#include "console/connections_page.hpp"
#include "golden_pages.hpp"
#include "render.hpp"

namespace weft::cli {

using namespace console;

namespace {

class RenderTest : public ::testing::Test {
 protected:
  NodeStatus status() {
    const auto report = golden_.report();
    const auto& router = report["Router"];
    return {R"x({"Version":"2.8.1 (version check update disabled)","State":"ready"})x",
            router.dump(),
            router["Peers"].dump(),
            router["Connections"].dump(),
            router["Targets"].dump(),
            report["IPAM"].dump(),
            {}};
  }
  GoldenPages golden_;
};

TEST_F(RenderTest, StatusIsTheOriginalsUpToItsIpamSection) {
  const std::string& expected = golden_.page("GET /status");

  EXPECT_EQ(*render_status(status()), expected.substr(0, expected.find("\n        Service: dns")));
}

TEST_F(RenderTest, StatusSaysWhichPluginFailedAndWhy) {
  NodeStatus degraded;
  degraded.host = R"({"Version":"1","State":"degraded","Plugins":[
      {"Name":"sleeve","State":"started","Reason":""},
      {"Name":"nat-nft","State":"failed","Reason":"cannot open nfnetlink: Operation not permitted"},
      {"Name":"odp","State":"starting","Reason":"it did not start within 10 s"}],
      "Troubles":[{"Source":"mesh name","Reason":"it is another's"}]})";

  EXPECT_EQ(*render_status(degraded),
            "        Version: 1\n"
            "          State: degraded\n"
            "         Failed: nat-nft: cannot open nfnetlink: Operation not permitted\n"
            "       Starting: odp: it did not start within 10 s\n"
            "        Trouble: mesh name: it is another's\n");
}

TEST_F(RenderTest, StatusSaysWhatPluginsFoundWrong) {
  NodeStatus degraded;
  degraded.host = R"({"Version":"1","State":"ready","Plugins":[]})";
  degraded.checks = R"([{"check":"node-guard","state":"ok","text":"in force"},
      {"check":"forwarding","state":"wrong","text":"the policy of 'inet filter forward' drops"},
      {"check":"plugin","state":"wrong","text":"it failed"},
      {"check":"forwarding","state":"note","text":"it is written for pods"}])";

  EXPECT_EQ(*render_status(degraded),
            "        Version: 1\n"
            "          State: degraded\n"
            "          Wrong: forwarding: the policy of 'inet filter forward' drops\n");
  EXPECT_NE(report_json(degraded)->find(R"("State": "degraded")"), std::string::npos);
}

TEST_F(RenderTest, StatusSaysWhatIpamWaitsFor) {
  NodeStatus waiting = status();
  waiting.ipam = R"({"Paxos":{"Elector":true,"KnownNodes":1,"Quorum":2},"Range":"10.32.0.0/12",
                     "DefaultSubnet":"10.32.0.0/12","Entries":null,"PendingAllocates":null})";

  EXPECT_EQ(*render_status(waiting),
            golden_.page("GET /status (kube: no dns/proxy/plugin; IPAM awaiting consensus)"));
}

TEST_F(RenderTest, StatusSaysWhenNoAddressIsFree) {
  const std::string ipam = R"({"Range":"10.32.0.0/27","RangeNumIPs":32,"Exhausted":true,
      "DefaultSubnet":"10.32.0.0/27","ActiveIPs":30,"PendingAllocates":["c 10.32.0.0/27"],
      "Entries":[{"Size":32,"Peer":"7a:01:02:03:04:05","Nickname":"a","IsKnownPeer":true}]})";
  NodeStatus full = status();
  full.ipam = ipam;

  EXPECT_NE(render_status(full)->find("Status: no free address\n"), std::string::npos);
  EXPECT_NE(render_ipam(ipam, "x")->find("no free address in 10.32.0.0/27: "), std::string::npos);
  EXPECT_EQ(render_ipam(ipam, "x", R"({"Reclaimed":0})"), *render_ipam(ipam, "x"));
  EXPECT_NE(render_ipam(ipam, "x", R"({"Reclaimed":7})")->find("\n7 addresses of pods that ended "),
            std::string::npos);
  EXPECT_EQ(render_ipam(ipam, "x", "7"), *render_ipam(ipam, "x"));
  EXPECT_FALSE(render_ipam(ipam, "x", "}"));
}

TEST_F(RenderTest, StatusSpeaksOfLostState) {
  EXPECT_EQ(
      *render_status({R"({"Version":"1","State":"ready","Warnings":["the store was empty"]})",
                      {},
                      {},
                      {},
                      {},
                      R"({"Range":"10.32.0.0/12","DefaultSubnet":"10.32.0.0/12",
                                "Searching":true,"Warnings":["2 addresses wait"]})",
                      {}}),
      "        Version: 1\n"
      "        Warning: the store was empty\n"
      "\n"
      "        Service: ipam\n"
      "         Status: saved state is lost - waiting for a peer that knows the address ring\n"
      "          Range: 10.32.0.0/12\n"
      "  DefaultSubnet: 10.32.0.0/12\n"
      "        Warning: 2 addresses wait\n");
}

TEST_F(RenderTest, StatusNamesTheCommandForDeadOwners) {
  NodeStatus dead = status();
  dead.ipam = R"({"Range":"10.32.0.0/12","DefaultSubnet":"10.32.0.0/12",
                  "Entries":[{"Size":1048576,"IsKnownPeer":false}]})";
  EXPECT_NE(render_status(dead)->find("unreachable peers - use 'weft rmpeer' if they are dead"),
            std::string::npos);
}

TEST(RenderHolders, ShowsOneALine) {
  EXPECT_EQ(
      *render_holders(R"({"owned":[{"containerid":"c1","addrs":["10.32.0.1/12","10.32.0.2/12"]},
                                        {"containerid":"weave:expose","addrs":["10.32.0.3/12"]}]})"),
      "c1 10.32.0.1/12, 10.32.0.2/12\nweave:expose 10.32.0.3/12\n");
  EXPECT_EQ(*render_holders(R"({"owned":null})"), "");
}

TEST_F(RenderTest, PeersAndTargetsAreTheOriginals) {
  EXPECT_EQ(*render_peers(*status().peers), golden_.page("GET /status/peers"));
  EXPECT_EQ(*render_targets(*status().targets), golden_.page("GET /status/targets"));
}

TEST_F(RenderTest, TargetsSayWhatNamesResolveToOrWhyNot) {
  EXPECT_EQ(
      *render_targets(R"([
          {"Peer":"10.0.0.2","Addresses":[{"Address":"10.0.0.2:6783","State":"connected"}]},
          {"Peer":"all.example","Addresses":[{"Address":"10.0.0.1:6783","State":"this node"},
                                             {"Address":"10.0.0.3:6783","State":"connecting"}],
           "Name":{"Since":"10:00","NextLookup":"10:01"}},
          {"Peer":"gone.example","Addresses":[{"Address":"10.0.0.4:6783","State":"connected"}],
           "Name":{"Since":"10:00","Failure":"cannot resolve it","FailingSince":"10:05",
                   "NextLookup":"10:06"}},
          {"Peer":"new.example","Addresses":[],"Name":{"NextLookup":"under way"}},
          {"Peer":"no.example","Addresses":[],
           "Name":{"Failure":"cannot resolve it","FailingSince":"10:00","NextLookup":"10:01"}}])"),
      "10.0.0.2              connected\n"
      "all.example           10.0.0.1:6783 this node, 10.0.0.3:6783 connecting; found since 10:00\n"
      "gone.example          10.0.0.4:6783 connected; not found any more since 10:05: cannot "
      "resolve "
      "it; next lookup: 10:06\n"
      "new.example           being looked up\n"
      "no.example            not found since 10:00: cannot resolve it; next lookup: 10:01\n");
}

TEST_F(RenderTest, ConnectionsAreTheOriginalsWithSpacesBetweenAttributes) {
  std::string expected = golden_.page("GET /status/connections");
  expected.replace(expected.find("truemtu"), 7, "true mtu");
  expected.erase(expected.rfind(' '), 1);  // Weave Net ends a line without attributes in a space

  EXPECT_EQ(*render_connections(*status().connections), expected);
}

TEST_F(RenderTest, AConnectionWithoutDetailsLeavesNoTrailingSpace) {
  EXPECT_EQ(*render_connections(
                R"([{"Address":"10.0.0.9:6783","Outbound":true,"State":"connecting","Info":""}])"),
            "-> 10.0.0.9:6783         connecting\n");
}

TEST_F(RenderTest, IpamListsThisNodeFirst) {
  EXPECT_EQ(*render_ipam(*status().ipam, "7a:01:02:03:04:05"), golden_.page("GET /status/ipam"));
  EXPECT_EQ(render_ipam(*status().ipam, "7a:0a:0b:0c:0d:0e")->substr(0, 17), "7a:0a:0b:0c:0d:0e");
}

TEST(Render, WhatAPeerChoseStaysOnItsLine) {
  const auto page = render_peers(R"([{"Name": "02:00:00:00:00:01",
      "NickName": "evil\n02:00:00:00:00:02(forged)\u001b[2J", "Connections": []}])");
  EXPECT_EQ(*page, "02:00:00:00:00:01(evil\\n02:00:00:00:00:02(forged)\\x1b[2J)\n");
}

TEST(Render, WhatAPeerChoseLeavesJsonWhole) {
  EXPECT_EQ(indent_json("{\"NickName\": \"\u202eevil\u2028\u0085\x7f\"}"),
            "{\n    \"NickName\": \"\\u202eevil\\u2028\\u0085\\u007f\"\n}\n");
}

TEST_F(RenderTest, ShowsWhatRingsDisagreeAbout) {
  EXPECT_EQ(
      *render_ipam(R"({"RangeNumIPs":256,"Entries":null,"Fenced":[{"Range":"10.32.0.0/26",
                             "From":"7a:0a:0b:0c:0d:0e","How":"taken over"}],"Outbid":3,"Refused":2})",
                   "x"),
      "10.32.0.0/26 is not used yet: taken over from 7a:0a:0b:0c:0d:0e, who may still use it\n"
      "3 ring entries would have taken addresses from this peer and were outbid\n"
      "2 other things that peers told or asked were refused\n");
}

TEST_F(RenderTest, NeverThrowsOnJsonOfAnotherShape) {
  for (const char* text :
       {"null", "7", "[1,\"x\",null]", "{\"Entries\":3,\"Paxos\":\"x\"}", "[{}]"}) {
    NodeStatus odd{"1", text, text, text, text, text, text};
    EXPECT_TRUE(render_status(odd)) << text;
    EXPECT_TRUE(render_peers(text)) << text;
    EXPECT_TRUE(render_connections(text)) << text;
    EXPECT_TRUE(render_ipam(text, "x")) << text;
    EXPECT_TRUE(render_topics(text)) << text;
    EXPECT_TRUE(render_lanes(text)) << text;
    EXPECT_TRUE(render_commands(text)) << text;
    EXPECT_FALSE(render_event(text).empty()) << text;
    (void)report_json(odd);
  }
  EXPECT_EQ(render_peers("{").error().code, make_error_code(Errc::malformed));
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
