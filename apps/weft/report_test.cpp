/// The report, compared with Weave Net's for the same state.

#include <gtest/gtest.h>

#include "interop/golden_pages.hpp"
#include "report.hpp"

namespace weft::cli {

using namespace console;
using testing::GoldenPages;

namespace {

class ReportTest : public ::testing::Test {
 protected:
  /// What the plugins of a node in Weave Net's sample state answer.
  std::vector<SectionAnswer> answers() {
    Json router = golden_["Router"];
    const Json datapath{
        {"OverlayDiagnostics", {{"fastdp", router["OverlayDiagnostics"]["fastdp"]}}},
        {"Interface", router["Interface"]},
        {"CaptureStats", router["CaptureStats"]}};
    const Json macs{{"MACs", router["MACs"]}};
    router["OverlayDiagnostics"] = Json::object();
    router["Interface"] = "no overlay bridge";
    router["CaptureStats"] = nullptr;
    router["MACs"] = nullptr;
    return {{"IPAM", "", golden_["IPAM"].dump()},
            {"Router", "", router.dump()},
            {"Router", "a-switch", macs.dump()},
            {"Router", "an-overlay", datapath.dump()},
            {"Router", "another", R"({"OverlayDiagnostics":{"sleeve":null}})"}};
  }

  static std::string formatted(const std::vector<SectionAnswer>& answers,
                               std::string_view format = "") {
    return *format_report(assemble_report(host, answers)->json, format);
  }

  static constexpr auto host = R"({"Version":"2.8.1","State":"ready"})";
  Json golden_ = GoldenPages().report();
};

TEST_F(ReportTest, IsTheOriginalsWithoutTheSectionsThatWeftHasNot) {
  const std::string page =
      GoldenPages().page("GET /report (Accept: application/json) for a sample state");
  std::string expected = page.substr(0, page.find(",\n    \"DNS\"")) + "\n}\n";

  EXPECT_EQ(formatted(answers()), expected);
}

TEST_F(ReportTest, LeavesOutWhatTheNodeDoesNotRunButTemplatesSeeNull) {
  const auto report = assemble_report(R"({"Version":"1","State":"degraded"})", {});
  ASSERT_TRUE(report);

  const Json whole = Json::parse(*format_report(report->json, ""));
  EXPECT_EQ(whole.size(), 3u) << whole;
  EXPECT_EQ(whole["Ready"], false);
  EXPECT_EQ(*format_report(report->json, "{{if .DNS}}on{{else}}off{{end}} {{json .Router}}"),
            "off null\n");
}

TEST_F(ReportTest, HasTheSectionsOfStrangersAfterWeaveNets) {
  std::vector<SectionAnswer> with = answers();
  with.insert(with.begin(), {"Aviary", "", R"(["parrot"])"});

  const auto report = assemble_report(host, with);
  ASSERT_TRUE(report);

  EXPECT_EQ(std::prev(report->json.end()).key(), "Aviary");
  EXPECT_EQ(*format_report(report->json, ".Aviary[0]"), "parrot\n");
}

TEST_F(ReportTest, AnAdditionToASectionThatNobodyServesIsNotThere) {
  EXPECT_EQ(formatted({{"Router", "an-overlay", R"({"Interface":"x"})"}}, "{{json .Router}}"),
            "null\n");
  EXPECT_FALSE(assemble_report(host, {{"Zoo", "a-plugin", "{}"}})->json.contains("Zoo"));
}

TEST_F(ReportTest, SaysWhatIsMissingAndHasTheRest) {
  std::vector<SectionAnswer> some = answers();
  some[0].text = fail(Errc::timeout, "get an answer");
  some[2].text = "7";
  some[3].text = "{";
  some.push_back({"Version", "", R"("mine")"});

  const auto report = assemble_report(host, some);
  ASSERT_TRUE(report);

  ASSERT_EQ(report->missing.size(), 4u);
  EXPECT_EQ(report->missing[0].substr(0, 39), "IPAM is missing: cannot get an answer: ");
  EXPECT_EQ(report->missing[1].substr(0, 41), "Router of a-switch is missing: cannot rea");
  EXPECT_EQ(report->missing[2].substr(0, 43), "Router of an-overlay is missing: cannot rea");
  EXPECT_EQ(report->missing[3].substr(0, 43), "Version is missing: cannot add 'Version': w");
  EXPECT_EQ(report->json["Version"], "2.8.1");
  EXPECT_EQ(report->json["Router"]["Name"], "7a:01:02:03:04:05");
  EXPECT_TRUE(report->json["IPAM"].is_null());
}

TEST_F(ReportTest, TakesAnAnswerOfAnyShape) {
  for (const char* text : {"null", "7", "[1,\"x\",null]", "{}", "{\"Peers\":3}", "{"}) {
    std::vector<SectionAnswer> odd = answers();
    odd[1].text = text;
    (void)formatted(odd);
    (void)assemble_report(text, odd);
  }
}

TEST(Sections, AreFoundByTheNamesOfCommands) {
  const auto sections = served_sections(
      R"([{"name":"report.B"},{"name":"report.A.x"},{"name":"report.A-b"},{"name":"report.A"},
          {"name":"report."},{"name":"report"},{"name":"status"},{},7])",
      "report");
  ASSERT_TRUE(sections);

  std::string found;
  for (const SectionAnswer& each : *sections) {
    found += each.section + "/" + each.plugin + " ";
  }
  EXPECT_EQ(found, "A/ A/x A-b/ B/ ");
  EXPECT_FALSE(served_sections("{", "report"));
}

TEST_F(ReportTest, APathGivesTextPlainAndTheRestAsJson) {
  EXPECT_EQ(formatted(answers(), ".Router.Name"), "7a:01:02:03:04:05\n");
  EXPECT_EQ(formatted(answers(), "$.IPAM.Entries[1].IsKnownPeer"), "false\n");
  EXPECT_EQ(formatted(answers(), ".Router.OverlayDiagnostics.fastdp.Vports[2]"),
            "{\n    \"ID\": 2,\n    \"Name\": \"vxlan-6784\",\n    \"TypeName\": \"vxlan\"\n}\n");
  EXPECT_EQ(formatted(answers(), "."), formatted(answers(), "$"));
}

TEST_F(ReportTest, APathThroughEveryElementGivesALineForEach) {
  EXPECT_EQ(formatted(answers(), ".Router.Peers[*].NickName"), "host1\nhost2\n");
  EXPECT_EQ(formatted(answers(), ".Router.Peers[].Connections[*].Established"), "true\ntrue\n");
  EXPECT_EQ(formatted(answers(), ".Router.UnicastRoutes[*]"),
            "{\"Dest\":\"7a:01:02:03:04:05\",\"Via\":\"00:00:00:00:00:00\"}\n"
            "{\"Dest\":\"7a:0a:0b:0c:0d:0e\",\"Via\":\"7a:0a:0b:0c:0d:0e\"}\n");
  EXPECT_EQ(formatted(answers(), ".IPAM.PendingClaims[*]"), "");
}

TEST_F(ReportTest, AFormatThatIsNeitherPathNorTemplateSaysWhatItMayBe) {
  const auto answer = format_report(assemble_report(host, answers())->json, "Router.Name");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().context,
            "use the format: column 1: want a path such as .Router.Name, or a template such as "
            "'{{.Router.Name}}'");
}

}  // namespace
}  // namespace weft::cli
