/// The report, compared with Weave Net's for the same state.

#include <gtest/gtest.h>

#include "golden_pages.hpp"
#include "report.hpp"

namespace weft::cli {

using namespace console;

namespace {

/// As a plugin answers: fields in another order, and one more than the report has.
std::string answer(const Json& value) {
  nlohmann::json sorted = nlohmann::json::parse(value.dump());
  sorted["Extra"] = 1;
  return sorted.dump();
}

class ReportTest : public ::testing::Test {
 protected:
  /// What a node in Weave Net's sample state answers.
  ReportAnswers answers() {
    Json mesh = golden_["Router"];
    Json odp = mesh["OverlayDiagnostics"]["fastdp"];
    odp["FlowMisses"] = mesh["CaptureStats"]["FlowMisses"];
    Json macs = mesh["MACs"];
    for (Json& mac : macs) {
      mac.erase("NickName");
    }
    for (const char* const name : {"OverlayDiagnostics", "CaptureStats", "Interface", "MACs"}) {
      mesh.erase(name);
    }
    ReportAnswers answers;
    answers.host = R"({"Version":"2.8.1","State":"ready"})";
    answers.macs = macs.dump();
    answers.mesh = answer(mesh);
    answers.ipam = golden_["IPAM"].dump();
    answers.bridge = R"({"port":{"name":"vethwe-tap"}})";
    answers.runs_sleeve = true;
    answers.odp = answer(odp);
    return answers;
  }

  std::string formatted(const ReportAnswers& answers, std::string_view format = "") {
    const auto report = assemble_report(answers);
    return report ? *format_report(*report, format) : report.error().message();
  }

  Json golden_ = GoldenPages().report();
};

TEST_F(ReportTest, IsTheOriginalsWithoutTheSectionsThatWeftHasNot) {
  const std::string page =
      GoldenPages().page("GET /report (Accept: application/json) for a sample state");
  std::string expected = page.substr(0, page.find(",\n    \"DNS\"")) + "\n}\n";

  EXPECT_EQ(formatted(answers()), expected);
}

TEST_F(ReportTest, WithoutOdpFramesComeFromTheTapAndFastdpSaysNothing) {
  ReportAnswers without = answers();
  without.odp.reset();

  EXPECT_EQ(formatted(without, ".Router.Interface"), "vethwe-tap (via tap)\n");
  EXPECT_EQ(formatted(without, "{{json .Router.OverlayDiagnostics}}"), "{\"sleeve\":null}\n");
  EXPECT_EQ(formatted(without, ".Router.CaptureStats"), "null\n");
}

TEST_F(ReportTest, WithoutABridgeThereIsNoInterface) {
  ReportAnswers without = answers();
  without.odp.reset();
  without.bridge.reset();
  without.runs_sleeve = false;

  EXPECT_EQ(formatted(without, ".Router.Interface"), "no overlay bridge\n");
  EXPECT_EQ(formatted(without, ".Router.OverlayDiagnostics"), "{}\n");
}

TEST_F(ReportTest, LeavesOutWhatTheNodeDoesNotRunButTemplatesSeeNull) {
  ReportAnswers bare;
  bare.host = R"({"Version":"1","State":"degraded"})";
  bare.macs = "[]";

  const Json whole = Json::parse(formatted(bare));
  EXPECT_EQ(whole.size(), 3u) << whole;
  EXPECT_EQ(whole["Ready"], false);
  EXPECT_EQ(formatted(bare, "{{if .DNS}}on{{else}}off{{end}} {{json .Router}}"), "off null\n");
}

TEST_F(ReportTest, ListsWithoutElementsAreNullApartFromTrustedSubnets) {
  ReportAnswers alone = answers();
  alone.macs = "[]";
  alone.mesh = R"({"Peers":[{"Name":"x","Connections":[]}],"Connections":[],"Targets":[],
                   "TrustedSubnets":[],"BroadcastRoutes":[{"Source":"x","Via":[]}]})";

  EXPECT_EQ(formatted(alone,
                      "{{json .Router.Targets}} {{json .Router.Connections}} "
                      "{{json .Router.MACs}} {{json .Router.TrustedSubnets}} "
                      "{{json .Router.BroadcastRoutes}}{{range .Router.Peers}} "
                      "{{json .Connections}}{{end}}"),
            "null null null [] [{\"Source\":\"x\",\"Via\":null}] null\n");
}

TEST_F(ReportTest, AnAnswerOfAnotherShapeIsAnErrorOrNull) {
  for (const char* text : {"null", "7", "[1,\"x\",null]", "{}", "{\"Peers\":3}", "{"}) {
    (void)formatted({text, text, text, text, text, text});
    ReportAnswers odd = answers();
    odd.mesh = text;
    (void)formatted(odd);
  }
  ReportAnswers broken = answers();
  broken.ipam = "7";
  EXPECT_EQ(formatted(broken).substr(0, 52),
            "cannot read the IPAM's status: it is not an object: ");
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
  const auto answer = format_report(*assemble_report(answers()), "Router.Name");

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().context,
            "use the format: column 1: want a path such as .Router.Name, or a template such as "
            "'{{.Router.Name}}'");
}

}  // namespace
}  // namespace weft::cli
