#include "network/conf_template.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "network/pod_cidrs.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kV4 = {"10.1.2.0/24"};
const std::vector<std::string> kDual = {"10.1.2.0/24", "fd00:1::/64"};

std::string Render(const std::string& text, const std::vector<std::string>& cidrs = kDual) {
  const auto rendered = RenderConfTemplate(text, cidrs);
  return rendered.ok() ? *rendered : std::string(rendered.status().message());
}

std::string FaultOf(const std::string& text) {
  return std::string(CheckConfTemplate(text).message());
}

TEST(ConfTemplateTest, WhatContainerdDocumentsIsRendered) {
  const std::string text = R"({
  "name": "k8s-pod-network", "cniVersion": "1.0.0",
  "plugins": [
    {"type": "ptp", "ipam": {"type": "host-local", "subnet": "{{.PodCIDR}}",
      "ranges": [{{range $i, $range := .PodCIDRRanges}}{{if $i}}, {{end}}[{"subnet": "{{$range}}"}]{{end}}],
      "routes": [{{range $i, $route := .Routes}}{{if $i}}, {{end}}{"dst": "{{$route}}"}{{end}}]}}
  ]
})";
  const Json dual = *ParseJsonObject(Render(text));
  const Json& ipam = dual["plugins"][0]["ipam"];
  EXPECT_EQ(ipam["subnet"], "10.1.2.0/24");
  EXPECT_EQ(DumpJson(ipam["ranges"]), R"([[{"subnet":"10.1.2.0/24"}],[{"subnet":"fd00:1::/64"}]])");
  EXPECT_EQ(DumpJson(ipam["routes"]), R"([{"dst":"0.0.0.0/0"},{"dst":"::/0"}])");
  const Json single = *ParseJsonObject(Render(text, kV4));
  EXPECT_EQ(DumpJson(single["plugins"][0]["ipam"]["ranges"]), R"([[{"subnet":"10.1.2.0/24"}]])");
  EXPECT_EQ(DumpJson(single["plugins"][0]["ipam"]["routes"]), R"([{"dst":"0.0.0.0/0"}])");
}

// Each as Go renders it.
TEST(ConfTemplateTest, Values) {
  EXPECT_EQ(Render(""), "");
  EXPECT_EQ(Render("no action { } }}"), "no action { } }}");
  EXPECT_EQ(Render("{{ .PodCIDR }}|{{$.PodCIDR}}"), "10.1.2.0/24|10.1.2.0/24");
  EXPECT_EQ(Render("{{.PodCIDRRanges}}"), "[10.1.2.0/24 fd00:1::/64]");
  EXPECT_EQ(Render("{{.Routes}}", {"fd00:1::/64"}), "[::/0]");
}

TEST(ConfTemplateTest, Ranges) {
  EXPECT_EQ(Render("{{range .PodCIDRRanges}}<{{.}}>{{end}}"), "<10.1.2.0/24><fd00:1::/64>");
  EXPECT_EQ(Render("{{range $r := .PodCIDRRanges}}<{{$r}}>{{end}}"), "<10.1.2.0/24><fd00:1::/64>");
  EXPECT_EQ(Render("{{range $i,$r:=.PodCIDRRanges}}{{$i}}{{end}}"), "01");
  EXPECT_EQ(Render("{{range .PodCIDRRanges}}{{$.PodCIDR}} {{end}}"), "10.1.2.0/24 10.1.2.0/24 ");
  EXPECT_EQ(Render("{{range .Routes}}a{{else}}b{{end}}"), "aa");
  EXPECT_EQ(Render("{{range $x := .Routes}}{{range $y := $.PodCIDRRanges}}{{$x}},{{$y}};{{end}}{{end}}", kV4),
            "0.0.0.0/0,10.1.2.0/24;");
  EXPECT_EQ(Render("{{range $x := .Routes}}{{range $x := $.PodCIDRRanges}}{{end}}{{$x}}{{end}}", kV4), "0.0.0.0/0")
      << "a variable of the same name inside is another one";
}

TEST(ConfTemplateTest, Conditions) {
  const std::string text =
      "{{range $i, $r := .PodCIDRRanges}}{{if $i}}more{{else if $r}}first{{else}}never{{end}}{{end}}";
  EXPECT_EQ(Render(text), "firstmore");
  EXPECT_EQ(Render("{{if .Routes}}{{if .PodCIDR}}a{{end}}b{{end}}c"), "abc");
}

TEST(ConfTemplateTest, CommentsAndTrimming) {
  EXPECT_EQ(Render("a{{/* no {{action}} here\n */}}b"), "ab");
  EXPECT_EQ(Render("a \n {{- .PodCIDR -}} \n b"), "a10.1.2.0/24b");
  EXPECT_EQ(Render("a {{- /* comment */ -}} b"), "ab");
  EXPECT_EQ(Render("{{range .Routes -}}\n x\n{{- end}}", kV4), "x");
}

TEST(ConfTemplateTest, WhatIsNotUnderstoodIsNamedWithItsLine) {
  EXPECT_EQ(FaultOf("a\nb {{len .Routes}}"),
            "line 2: {{len .Routes}}: is not understood: crisp knows values, if, else, range, end and comments");
  for (const std::string action : {"", "template x", "printf .PodCIDR", ".PodCIDR | print", "with .Routes",
                                   "$x := .PodCIDR", "1", "if", "if eq .PodCIDR $", "range", "PodCIDR"}) {
    EXPECT_THAT(FaultOf("{{" + action + "}}{{end}}"), HasSubstr("line 1: {{" + action + "}}: is not understood"));
  }
  EXPECT_THAT(FaultOf("{{\"text\"}}"), HasSubstr("is not understood"));
  EXPECT_THAT(FaultOf("\n\n{{.Gateway}}"), HasSubstr("line 3: {{.Gateway}}: there is no such field"));
  EXPECT_THAT(FaultOf("{{$.Gateway}}"), HasSubstr("there is no such field"));
  EXPECT_THAT(FaultOf("{{.}}"), HasSubstr("is not a value"));
  EXPECT_THAT(FaultOf("{{$}}"), HasSubstr("is not a value"));
  EXPECT_THAT(FaultOf("{{$x}}"), HasSubstr("there is no such variable here"));
  EXPECT_THAT(FaultOf("{{range $x := .Routes}}{{else}}{{$x}}{{end}}"), HasSubstr("there is no such variable here"));
  EXPECT_THAT(FaultOf("{{range $x := .Routes}}{{end}}{{$x}}"), HasSubstr("there is no such variable here"));
  EXPECT_THAT(FaultOf("{{range .Routes}}{{.PodCIDR}}{{end}}"), HasSubstr("there are no fields here"));
  EXPECT_THAT(FaultOf("{{range $x := .Routes}}{{$x.PodCIDR}}{{end}}"), HasSubstr("there are no fields here"));
  EXPECT_THAT(FaultOf("{{range .PodCIDR}}{{end}}"), HasSubstr("is not over a list"));
}

TEST(ConfTemplateTest, WhatIsNotClosedIsNamedWithItsLine) {
  EXPECT_THAT(FaultOf("a\n{{.PodCIDR\nb"), HasSubstr("line 2: {{.PodCIDR}}: is not closed"));
  EXPECT_THAT(FaultOf("{{/* }}"), HasSubstr("is not closed"));
  EXPECT_THAT(FaultOf("{{/* a */ b}}"), HasSubstr("has something behind its comment"));
  EXPECT_THAT(FaultOf("\n{{if .Routes}}"), HasSubstr("line 2: {{if .Routes}}: has no end"));
  EXPECT_THAT(FaultOf("{{range .Routes}}{{else}}"), HasSubstr("{{range .Routes}}: has no end"));
  EXPECT_THAT(FaultOf("{{end}}"), HasSubstr("belongs to no if or range"));
  EXPECT_THAT(FaultOf("{{if .Routes}}{{end}}{{else}}"), HasSubstr("belongs to no if or range"));
  EXPECT_THAT(FaultOf("{{if .Routes}}{{else}}{{else}}{{end}}"), HasSubstr("expected an end"));
  EXPECT_THAT(FaultOf("{{if .Routes}}{{end now}}"), HasSubstr("expected an end"));
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "{{if .Routes}}";
  EXPECT_THAT(FaultOf(deep), HasSubstr("is nested too deeply"));
}

TEST(PodCidrsTest, RangesAreTakenAsTheyAreWritten) {
  EXPECT_THAT(*ParsePodCidrs(""), IsEmpty());
  EXPECT_THAT(*ParsePodCidrs("10.1.2.0/24"), ElementsAre("10.1.2.0/24"));
  EXPECT_THAT(*ParsePodCidrs(" fd00:1::/64 , 10.1.2.3/32"), ElementsAre("fd00:1::/64", "10.1.2.3/32"));
}

TEST(PodCidrsTest, WhatIsNoRangeIsNamed) {
  for (const std::string text : {"10.1.2.0", "10.1.2.0/33", "10.1.2/24", "fd00::/129", "10.1.2.0/-1", "10.1.2.0/+1",
                                 "10.1.2.0/", "a/8", "\"x\"", ",", "10.1.2.0/24,"}) {
    const absl::Status fault = ParsePodCidrs(text).status();
    EXPECT_EQ(fault.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(fault.message()), HasSubstr("is no range of addresses")) << text;
  }
}

}  // namespace
}  // namespace crisp
