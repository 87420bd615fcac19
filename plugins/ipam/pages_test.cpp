/// The pages, compared with what Weave Net prints for the same state.

#include "pages.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "interop/golden_pages.hpp"

namespace weft::ipam {
namespace {

using Json = nlohmann::ordered_json;

/// One below the other.
std::string text_of(const std::string& lines) {
  std::string text;
  for (const Json& line : Json::parse(lines)) {
    text += line.get<std::string>() + "\n";
  }
  return text;
}

std::string summary(const char* status) {
  return text_of(summary_lines(Json::parse(status)));
}

std::string shares(const char* status) {
  return text_of(shares_lines(Json::parse(status), "x"));
}

class IpamPages : public ::testing::Test {
 protected:
  /// The section of a page of Weave Net's status.
  std::string section(const std::string& title) {
    const std::string& whole = golden_.page(title);
    const std::size_t begin = whole.find("        Service: ipam\n");
    const std::size_t end = whole.find("\n\n", begin);
    return whole.substr(begin, end == std::string::npos ? end : end + 1 - begin);
  }

  testing::GoldenPages golden_;
  const Json status_ = golden_.report()["IPAM"];
};

TEST_F(IpamPages, TheSummaryIsTheOriginals) {
  EXPECT_EQ(text_of(summary_lines(status_)), section("GET /status"));
}

TEST_F(IpamPages, TheSummarySaysWhatItWaitsFor) {
  EXPECT_EQ(summary(R"({"Paxos":{"Elector":true,"KnownNodes":1,"Quorum":2},"Range":"10.32.0.0/12",
                        "DefaultSubnet":"10.32.0.0/12","Entries":null,"PendingAllocates":null})"),
            section("GET /status (kube: no dns/proxy/plugin; IPAM awaiting consensus)"));
}

TEST_F(IpamPages, ThisNodeIsListedFirst) {
  EXPECT_EQ(text_of(shares_lines(status_, "7a:01:02:03:04:05")), golden_.page("GET /status/ipam"));
  EXPECT_EQ(text_of(shares_lines(status_, "7a:0a:0b:0c:0d:0e")).substr(0, 17), "7a:0a:0b:0c:0d:0e");
}

TEST(IpamPage, SaysWhenNoAddressIsFree) {
  constexpr auto full = R"({"Paxos":null,"Range":"10.32.0.0/27","RangeNumIPs":32,"Exhausted":true,
      "DefaultSubnet":"10.32.0.0/27","ActiveIPs":30,"PendingAllocates":["c 10.32.0.0/27"],
      "Entries":[{"Size":32,"Peer":"7a:01:02:03:04:05","Nickname":"a","IsKnownPeer":true}]})";

  EXPECT_NE(summary(full).find("Status: no free address\n"), std::string::npos);
  EXPECT_NE(shares(full).find("no free address in 10.32.0.0/27: "), std::string::npos);
}

TEST(IpamPage, SpeaksOfLostState) {
  EXPECT_EQ(
      summary(R"({"Paxos":null,"Range":"10.32.0.0/12","DefaultSubnet":"10.32.0.0/12",
                        "Entries":null,"Searching":true,"Warnings":["2 addresses wait"]})"),
      "        Service: ipam\n"
      "         Status: saved state is lost - waiting for a peer that knows the address ring\n"
      "          Range: 10.32.0.0/12\n"
      "  DefaultSubnet: 10.32.0.0/12\n"
      "        Warning: 2 addresses wait\n");
}

TEST(IpamPage, NamesTheCommandForDeadOwners) {
  EXPECT_NE(summary(R"({"Paxos":null,"Range":"10.32.0.0/12","DefaultSubnet":"10.32.0.0/12",
                        "Entries":[{"Size":1048576,"IsKnownPeer":false}]})")
                .find("unreachable peers - use 'weft rmpeer' if they are dead"),
            std::string::npos);
}

TEST(IpamPage, ShowsWhatRingsDisagreeAbout) {
  EXPECT_EQ(
      shares(R"({"RangeNumIPs":256,"Entries":null,"Fenced":[{"Range":"10.32.0.0/26",
                 "From":"7a:0a:0b:0c:0d:0e","How":"taken over"}],"Outbid":3,"Refused":2})"),
      "10.32.0.0/26 is not used yet: taken over from 7a:0a:0b:0c:0d:0e, who may still use it\n"
      "3 ring entries would have taken addresses from this peer and were outbid\n"
      "2 other things that peers told or asked were refused\n");
}

}  // namespace
}  // namespace weft::ipam
