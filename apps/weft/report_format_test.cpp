/// Paths and templates over a small document, and over what nobody should write.

#include <gtest/gtest.h>

#include "report_path.hpp"
#include "report_template.hpp"

namespace weft::cli {

using namespace console;

namespace {

const Json& document() {
  static const Json value = Json::parse(R"({
      "Name": "n<1>", "Port": 6783, "Up": true, "Gone": null, "Empty": [],
      "Peers": [{"Name": "a", "Ports": [1, 2]}, {"Name": "b", "Ports": [3]}],
      "Attrs": {"mtu": 1376}, "Pods": ["a\nb"]})");
  return value;
}

/// The values of a path as JSON, or what is wrong with it.
std::string selected(std::string_view path) {
  const auto values = parse_path(path).and_then(
      [](const std::vector<PathStep>& steps) { return select(document(), steps); });
  if (!values) {
    return values.error().context;
  }
  std::string text;
  for (const Json* const value : *values) {
    text += (text.empty() ? "" : " ") + value->dump();
  }
  return text;
}

std::string rendered(std::string_view text) {
  const auto result = render_template(text, document());
  return result ? *result : result.error().context;
}

TEST(ReportPath, LeadsToFieldsElementsAndEveryElement) {
  EXPECT_EQ(selected(".Port"), "6783");
  EXPECT_EQ(selected("$.Peers[1].Name"), "\"b\"");
  EXPECT_EQ(selected(".Peers[*].Ports[]"), "1 2 3");
  EXPECT_EQ(selected(".Empty[*].Name"), "");
  EXPECT_EQ(selected("."), document().dump());
}

TEST(ReportPath, AKeyOfAMapMayBeAbsentAFieldMayNot) {
  EXPECT_EQ(selected(".Attrs.encrypted"), "null");
  EXPECT_EQ(selected(".Gone.mtu"), "null");
  EXPECT_EQ(selected(".Peers[0].Nmae"),
            "use the format: column 10: there is no 'Nmae' in an object of Name, Ports");
  EXPECT_EQ(selected(".Gone.Name"), "use the format: column 6: there is no 'Name' in null");
  EXPECT_EQ(selected(".Port.name"),
            "use the format: column 6: there is no 'name' in a JSON number");
}

TEST(ReportPath, IndicesBeyondTheListOrAnyListAreErrors) {
  EXPECT_EQ(selected(".Peers[2]"),
            "use the format: column 7: there is no element 2 in a list of 2");
  EXPECT_EQ(selected(".Peers[18446744073709551615]"),
            "use the format: column 7: there is no element 18446744073709551615 in a list of 2");
  EXPECT_EQ(selected(".Peers[99999999999999999999999]"),
            "use the format: column 7: index 99999999999999999999999 is too large");
  EXPECT_EQ(selected(".Name[0]"), "use the format: column 6: want a list, not a JSON string");
  EXPECT_EQ(selected(".Attrs[*]"), "use the format: column 7: want a list, not an object of mtu");
}

TEST(ReportPath, SaysWhereItIsMalformed) {
  const std::string inside = "between '[' and ']' goes an index from 0, '*' or nothing";
  EXPECT_EQ(selected(".Peers[-1]"), "use the format: column 7: " + inside);
  EXPECT_EQ(selected(".Peers[0x1]"), "use the format: column 7: " + inside);
  EXPECT_EQ(selected(".Peers[ 1]"), "use the format: column 7: " + inside);
  EXPECT_EQ(selected(".Peers[0"), "use the format: column 7: '[' has no ']'");
  EXPECT_EQ(selected(".Peers..Name"), "use the format: column 7: a name must follow '.'");
  EXPECT_EQ(selected(".Peers[0]Name"),
            "use the format: column 10: want '.NAME' or '[' in a path, not 'N'");
  EXPECT_EQ(selected(".Peers|.Name"),
            "use the format: column 7: want '.NAME' or '[' in a path, not '|'");
}

TEST(ReportPath, ALongPathEndsAtItsFirstMistake) {
  std::string path;
  for (int i = 0; i < 100'000; ++i) {
    path += ".a";
  }
  EXPECT_EQ(selected(path), "null");
  EXPECT_EQ(selected(std::string(100'000, '[')), "use the format: column 1: '[' has no ']'");
}

TEST(ReportTemplate, WritesTextAndFields) {
  EXPECT_EQ(rendered("name {{.Name}}, port {{ .Port }}!"), "name n<1>, port 6783!");
  EXPECT_EQ(
      rendered("{{json .Name}} {{.Peers}}"),
      "\"n\\u003c1\\u003e\" [{\"Name\":\"a\",\"Ports\":[1,2]},{\"Name\":\"b\",\"Ports\":[3]}]");
  EXPECT_EQ(rendered("{{.Gone}} {{.Attrs.mtu}} {{.Attrs.encrypted}}"),
            "<no value> 1376 <no value>");
  EXPECT_EQ(rendered(R"({{"a\t\"b\"\n"}}{{`\n}}`}}{{len .Peers}}{{len .Name}}{{len .Gone}})"),
            "a\t\"b\"\n\\n}}240");
  EXPECT_EQ(rendered("{{.Peers[1].Name}} }} { {"), "b }} { {");
}

TEST(ReportTemplate, WhatAPeerChoseLeavesJsonWhole) {
  EXPECT_EQ(render_template("{{json .}}", Json{{"NickName", "\u202e<\x7f"}}),
            "{\"NickName\":\"\\u202e\\u003c\\u007f\"}");
}

TEST(ReportTemplate, WhatAPeerChoseStaysOnItsLine) {
  EXPECT_EQ(rendered("{{range .Pods}}{{.}}{{end}}"), "a\\nb");
}

TEST(ReportTemplate, RangeGoesThroughAListAndNestedOnes) {
  EXPECT_EQ(rendered("{{range .Peers}}{{.Name}}:{{range .Ports}} {{.}}{{end}}{{\"\\n\"}}{{end}}"),
            "a: 1 2\nb: 3\n");
  EXPECT_EQ(rendered("{{range .Peers}}{{$.Port}},{{end}}"), "6783,6783,");
  EXPECT_EQ(rendered("{{range .Empty}}x{{else}}none{{end}} {{range .Gone}}x{{end}}"), "none ");
}

TEST(ReportTemplate, IfAndWithChoose) {
  EXPECT_EQ(rendered("{{if .Up}}up{{end}}{{if .Gone}}x{{else}} gone{{end}}{{if .Empty}}x{{end}}"),
            "up gone");
  EXPECT_EQ(rendered("{{with .Attrs}}{{.mtu}}{{end}}{{with .Gone}}x{{else}} {{.Port}}{{end}}"),
            "1376 6783");
}

TEST(ReportTemplate, SaysWhereItIsMalformed) {
  const auto error = [](std::string_view text) { return rendered(text).substr(16); };

  EXPECT_EQ(error("ab{{.Name"), "column 3: '{{' has no '}}'");
  EXPECT_EQ(error("{{.Name}"), "column 1: '{{' has no '}}'");
  EXPECT_EQ(error("{{"), "column 1: '{{' has no '}}'");
  EXPECT_EQ(error("{{\"abc}}"), "column 3: \" is not closed");
  EXPECT_EQ(error("{{\"a\\"), "column 5: after '\\' goes one of n, t, \" and \\");
  EXPECT_EQ(error("{{range .Peers}}x"), "column 3: 'range' has no '{{end}}'");
  EXPECT_EQ(error("{{if .Up}}{{else}}x"), "column 3: 'if' has no '{{end}}'");
  EXPECT_EQ(error("{{if .Up}}{{else}}{{else}}{{end}}"), "column 21: a second 'else'");
  EXPECT_EQ(error("x{{end}}"), "column 4: there is no block for 'end'");
  EXPECT_EQ(error("{{range}}{{end}}"), "column 3: what for? Write 'range .NAME'");
  EXPECT_EQ(error("{{json .Name .Port}}"), "column 14: '.Port' is one too many here");
  EXPECT_EQ(error("{{.Name | json}}"), "column 9: '|' is one too many here");
  EXPECT_EQ(error("{{if .Up}}{{else if .Up}}{{end}}"), "column 18: nothing may follow 'else'");
  EXPECT_EQ(error("{{range $i}}{{end}}"), "column 10: want '.NAME' or '[' in a path, not 'i'");
  EXPECT_EQ(error("{{.Peers[*]}}"), "column 9: a template has 'range' for every element");
  EXPECT_EQ(error("{{printf .Name}}").substr(0, 36), "column 3: 'printf' is not known here");
  EXPECT_EQ(error("{{ }}").substr(0, 29), "column 1: the action is empty");
}

TEST(ReportTemplate, SaysWhereAValueIsNotWhatItWants) {
  EXPECT_EQ(rendered("{{range .Peers}}{{.Nmae}}{{end}}"),
            "use the format: column 19: there is no 'Nmae' in an object of Name, Ports");
  EXPECT_EQ(rendered("{{range .Name}}{{end}}"),
            "use the format: column 9: 'range' wants a list, not a JSON string");
  EXPECT_EQ(rendered("{{len .Port}}"), "use the format: column 7: a number has no length");
}

TEST(ReportTemplate, RefusesBlocksNestedTooDeep) {
  std::string open;
  std::string close;
  for (std::size_t i = 0; i < max_template_depth; ++i) {
    open += "{{if .Up}}";
    close += "{{end}}";
  }
  EXPECT_EQ(rendered(open + "deep" + close), "deep");
  EXPECT_EQ(rendered(open + "{{if .Up}}deep{{end}}" + close),
            "use the format: column 323: blocks are more than 32 deep");
  for (int i = 0; i < 100'000; ++i) {
    open += "{{with .Up}}";
  }
  EXPECT_EQ(rendered(open), "use the format: column 323: blocks are more than 32 deep");
}

}  // namespace
}  // namespace weft::cli
