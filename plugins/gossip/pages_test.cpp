/// The pages, compared with what Weave Net prints for the same state.

#include "gossip/pages.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "interop/golden_pages.hpp"

namespace weft::gossip {
namespace {

using Json = nlohmann::ordered_json;

/// The lines of a page, one below the other.
std::string text_of(PageLines& page) {
  std::string text;
  for (const Json& line : Json::parse(page.take())) {
    text += line.get<std::string>() + "\n";
  }
  return text;
}

/// The page that `add` makes of each of `list`.
std::string page_of(const Json& list, void (*add)(PageLines&, const Json&)) {
  PageLines page;
  for (const Json& each : list) {
    add(page, each);
  }
  return text_of(page);
}

class PagesTest : public ::testing::Test {
 protected:
  testing::GoldenPages golden_;
  const Json router_ = golden_.report()["Router"];
};

TEST_F(PagesTest, TheSummaryIsTheOriginals) {
  PeerCounts counts;
  for (const Json& peer : router_["Peers"]) {
    count_peer(counts, peer);
  }
  PageLines page;
  add_summary(page, router_, counts);

  const std::string& whole = golden_.page("GET /status");
  const std::size_t begin = whole.find("        Service: router\n");
  EXPECT_EQ(text_of(page), whole.substr(begin, whole.find("\n\n", begin) + 1 - begin));
}

TEST_F(PagesTest, PeersAreTheOriginals) {
  EXPECT_EQ(page_of(router_["Peers"], add_peer), golden_.page("GET /status/peers"));
}

TEST_F(PagesTest, ConnectionsAreTheOriginalsWithSpacesBetweenAttributes) {
  std::string expected = golden_.page("GET /status/connections");
  expected.replace(expected.find("truemtu"), 7, "true mtu");
  expected.erase(expected.rfind(' '), 1);  // Weave Net ends a line without attributes in a space

  EXPECT_EQ(page_of(router_["Connections"], add_connection), expected);
}

TEST(Pages, AConnectionWithoutDetailsLeavesNoTrailingSpace) {
  EXPECT_EQ(page_of(Json::parse(R"([{"Address":"10.0.0.9:6783","Outbound":true,
                                     "State":"connecting","Info":"","Attrs":null}])"),
                    add_connection),
            "-> 10.0.0.9:6783         connecting\n");
}

TEST(Pages, TargetsSayWhatNamesResolveToOrWhyNot) {
  EXPECT_EQ(
      page_of(Json::parse(R"([
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
              add_target),
      "10.0.0.2              connected\n"
      "all.example           10.0.0.1:6783 this node, 10.0.0.3:6783 connecting; found since 10:00\n"
      "gone.example          10.0.0.4:6783 connected; not found any more since 10:05: cannot "
      "resolve "
      "it; next lookup: 10:06\n"
      "new.example           being looked up\n"
      "no.example            not found since 10:00: cannot resolve it; next lookup: 10:01\n");
}

}  // namespace
}  // namespace weft::gossip
