#include "client/format_template.h"

#include <gtest/gtest.h>

namespace crisp::client {
namespace {

std::string Rendered(const std::string& text) {
  const nlohmann::ordered_json value = nlohmann::ordered_json::parse(
      R"({"ID":"ab12","State":{"Running":true,"ExitCode":3},"Args":["a","b c"],"Labels":{"x.y":"1"},"None":[]})");
  const auto form = FormatTemplate::Parse(text);
  if (!form.ok()) return std::string(form.status().message());
  const auto rendered = form->Render(value);
  return rendered.ok() ? *rendered : std::string(rendered.status().message());
}

TEST(FormatTemplateTest, FieldsAndFunctions) {
  EXPECT_EQ(Rendered("{{.ID}} {{.State.ExitCode}}"), "ab12 3");
  EXPECT_EQ(Rendered("{{json .Args}} {{join .Args \",\"}} {{len .Args}}"), R"(["a","b c"] a,b c 2)");
  EXPECT_EQ(Rendered("{{index .Labels \"x.y\"}}{{index .Args 0}} {{.ID | upper}}"), "1a AB12");
  EXPECT_EQ(Rendered("{{printf \"%s-%d\" .ID (len .Args)}}"), "ab12-2");
}

TEST(FormatTemplateTest, RangeIfWithAndTrimming) {
  EXPECT_EQ(Rendered("{{range .Args}}<{{.}}>{{end}}{{range .None}}x{{else}}none{{end}}"), "<a><b c>none");
  EXPECT_EQ(Rendered("{{range $k, $v := .Labels}}{{$k}}={{$v}}{{end}}"), "x.y=1");
  EXPECT_EQ(Rendered("{{if .State.Running}}up{{else}}down{{end}}"), "up");
  EXPECT_EQ(Rendered("{{if eq .ID \"zz\"}}a{{else if not .None}}b{{end}}"), "b");
  EXPECT_EQ(Rendered("a {{- with .State}}{{.ExitCode}}{{end -}} b"), "a3b");
}

TEST(FormatTemplateTest, WhatIsWrongIsNamed) {
  EXPECT_NE(Rendered("{{.Nope}}").find("no field Nope; there are ID, State"), std::string::npos);
  EXPECT_NE(Rendered("{{if .ID}}").find("has no {{end}}"), std::string::npos);
  EXPECT_NE(Rendered("{{.ID").find("not closed"), std::string::npos);
  EXPECT_NE(Rendered("{{nope .ID}}").find("\"nope\" is no function"), std::string::npos);
}

}  // namespace
}  // namespace crisp::client
