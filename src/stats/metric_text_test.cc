#include "stats/metric_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "stats/metric_table.h"
#include "stats/testing/full_facts.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string TextOf(const std::vector<PodMetricFacts>& pods) {
  std::string text;
  AppendMetricText(pods, &text);
  return text;
}

std::string TextOf(const MetricFacts& container) {
  return TextOf(std::vector<PodMetricFacts>{{"p", {}, {container}}});
}

constexpr char kWeb[] = R"(container="web",image="busybox",namespace="ns",pod="web-0")";

std::string Line(const std::string& name, const std::string& labels, const std::string& value) {
  return "\n" + name + "{" + labels + "} " + value + "\n";
}

TEST(MetricTextTest, SecondsKeepTheirFractions) {
  const std::string text = TextOf(FullFacts());
  EXPECT_THAT(
      text, HasSubstr(Line("container_cpu_usage_seconds_total", std::string(kWeb) + R"(,cpu="total")", "2.900000001")));
  EXPECT_THAT(text, HasSubstr(Line("container_pressure_cpu_waiting_seconds_total", kWeb, "1.000077")));
  EXPECT_THAT(text, HasSubstr(Line("container_memory_working_set_bytes", kWeb, "60")));
}

TEST(MetricTextTest, EachMetricIsDescribedOnceBeforeItsSeries) {
  MetricFacts other = FullFacts();
  other.labels.container = "other";
  const std::string text = TextOf(std::vector<PodMetricFacts>{{"p", {}, {FullFacts(), other}}});
  for (const MetricInfo& info : MetricTable()) {
    const std::string name = info.name;
    std::vector<std::string> lines;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      if (absl::StartsWith(line, "# HELP " + name + " ") || absl::StartsWith(line, "# TYPE " + name + " ") ||
          absl::StartsWith(line, name + "{")) {
        lines.emplace_back(line.substr(0, line.find_first_of(" {", 7)));
      }
    }
    ASSERT_GE(lines.size(), 4u) << name;
    EXPECT_EQ(lines[0], "# HELP " + name);
    EXPECT_EQ(lines[1], "# TYPE " + name);
    for (size_t i = 2; i < lines.size(); ++i) EXPECT_EQ(lines[i], name);
  }
}

TEST(MetricTextTest, AMetricThatNobodyHasIsNotThere) {
  EXPECT_THAT(TextOf(MetricFacts()), Not(HasSubstr("container_cpu_usage_seconds_total")));
  EXPECT_THAT(TextOf(std::vector<PodMetricFacts>()), IsEmpty());
}

TEST(MetricTextTest, ANameThatDoesNotFitItsTypeHasNone) {
  const std::string text = TextOf(FullFacts());
  EXPECT_THAT(text, HasSubstr("\n# TYPE container_memory_failcnt untyped\n"));
  EXPECT_THAT(text, HasSubstr("\n# TYPE container_fs_inodes_total untyped\n"));
  EXPECT_THAT(text, HasSubstr("\n# TYPE container_oom_events_total counter\n"));
  EXPECT_THAT(text, HasSubstr("\n# TYPE container_memory_rss gauge\n"));
}

TEST(MetricTextTest, AnInterfaceAndADeviceAreLabels) {
  const std::string text = TextOf(FullFacts());
  const std::string web = kWeb;
  EXPECT_THAT(text, HasSubstr(Line("container_network_receive_bytes_total", web + R"(,interface="eth0")", "77")));
  EXPECT_THAT(text, HasSubstr(Line("container_blkio_device_usage_total",
                                   web + R"(,device="/dev/ram0",major="1",minor="0",operation="Total")", "30")));
}

TEST(MetricTextTest, ARestartOfAContainerMakesNoNewSeries) {
  const std::string text = TextOf(FullFacts());
  EXPECT_THAT(text, Not(HasSubstr("cid")));
  EXPECT_THAT(text, Not(HasSubstr("/pod/c")));
}

TEST(MetricTextTest, WhatAPodDoesNotHaveIsNoLabel) {
  MetricFacts pod;
  pod.labels.pod_namespace = "ns";
  pod.labels.pod = "web-0";
  pod.at = 7'500'000'000;
  EXPECT_THAT(TextOf(std::vector<PodMetricFacts>{{"p", pod, {}}}),
              HasSubstr(Line("container_last_seen", R"(namespace="ns",pod="web-0")", "7")));
}

TEST(MetricTextTest, ALabelMayHaveAnyCharacter) {
  MetricFacts facts;
  facts.labels.container = "a\"b\\c\nd";
  EXPECT_THAT(TextOf(facts), HasSubstr(Line("container_last_seen", R"(container="a\"b\\c\nd")", "0")));
}

TEST(MetricTextTest, OfTwoWithTheSameLabelsTheYoungerIsGivenOut) {
  MetricFacts old = FullFacts(), young = FullFacts();
  old.started_at = 3;
  young.started_at = 4;
  const std::string text = TextOf(std::vector<PodMetricFacts>{{"p", {}, {old}}, {"q", {}, {young}}});
  EXPECT_THAT(text, Not(HasSubstr(Line("container_start_time_seconds", kWeb, "3"))));
  EXPECT_THAT(text, HasSubstr(Line("container_start_time_seconds", kWeb, "4")));
}

}  // namespace
}  // namespace crisp
