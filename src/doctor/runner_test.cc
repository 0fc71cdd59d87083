#include "doctor/runner.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "doctor/all_checks.h"
#include "doctor/catalog.h"
#include "doctor/command.h"
#include "doctor/render.h"
#include "doctor/testing/fake_host.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::Not;

std::atomic<bool> release_hung{false};

void Hang(const Subject&, Findings* findings, const CallContext&) {
  findings->Ok("first", "a", "was looked at before");
  while (!release_hung) std::this_thread::sleep_for(milliseconds(5));
  findings->Problem("late", "b", "", "");
}

void Warn(const Subject&, Findings* findings, const CallContext&) {
  findings->Warn("thing", "object", "is odd", "mend it");
}

void WaitForTheEnd(const Subject&, Findings* findings, const CallContext& call) {
  while (call.Check().ok()) std::this_thread::sleep_for(milliseconds(5));
  findings->Ok("end", "a", "it was told to end");
}

TEST(RunnerTest, ACheckThatHangsIsLeftBehindWithWhatItHadFound) {
  const auto subject = std::make_shared<Subject>();
  const std::vector<CheckReport> reports =
      RunChecks({{"hung", "Hung", milliseconds(50), &Hang}, {"warn", "Warn", milliseconds(50), &Warn}}, subject);
  ASSERT_EQ(reports.size(), 2u);
  ASSERT_EQ(reports[0].findings.size(), 2u);
  EXPECT_EQ(reports[0].findings[0].name, "hung.first");
  EXPECT_EQ(reports[0].findings[1].name, "hung.time");
  EXPECT_EQ(reports[0].findings[1].verdict, Verdict::kProblem);
  EXPECT_EQ(reports[1].findings[0].name, "warn.thing");
  EXPECT_EQ(WorstOf(reports), Verdict::kProblem);
  EXPECT_EQ(WorstOf({reports[1]}), Verdict::kWarning);
  release_hung = true;
}

TEST(RunnerTest, ACheckHasTimeToNoticeItsDeadline) {
  const auto reports = RunChecks({{"slow", "Slow", milliseconds(50), &WaitForTheEnd}}, std::make_shared<Subject>());
  ASSERT_EQ(reports[0].findings.size(), 1u);
  EXPECT_EQ(reports[0].findings[0].name, "slow.end");
}

std::vector<CheckReport> OneReport() {
  return {{"disk",
           "Disk",
           7,
           {{Verdict::kOk, "disk.root", "/r", "fine", ""},
            {Verdict::kProblem, "disk.state", "/s", "is full", "make room"}}}};
}

TEST(RenderTest, TextHasALineForEachFindingAndTheRemedy) {
  EXPECT_EQ(ReportText(OneReport(), false),
            "Disk (disk)\n"
            "  ok      root: /r: fine\n"
            "  problem state: /s: is full\n"
            "          -> make room\n"
            "\n"
            "problems: 1, warnings: 0, notes: 0, ok: 1\n");
}

TEST(RenderTest, ColoursAreForTerminalsOnly) {
  EXPECT_THAT(ReportText(OneReport(), true), HasSubstr("\x1b[1;31mproblem\x1b[0m"));
  EXPECT_THAT(ReportText(OneReport(), false), Not(HasSubstr("\x1b")));
}

TEST(RenderTest, JsonHasStableNames) {
  const absl::StatusOr<Json> json = ParseJsonObject(ReportJson(OneReport()));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["verdict"], "problem");
  EXPECT_EQ((*json)["checks"][0]["name"], "disk");
  EXPECT_EQ((*json)["checks"][0]["milliseconds"], 7);
  EXPECT_EQ((*json)["checks"][0]["findings"][1], (Json{{"name", "disk.state"},
                                                       {"verdict", "problem"},
                                                       {"object", "/s"},
                                                       {"finding", "is full"},
                                                       {"remedy", "make room"}}));
}

TEST(CommandTest, ChecksAreChosenByName) {
  const auto chosen = ChosenChecks({"disk", "kernel"});
  ASSERT_TRUE(chosen.ok());
  ASSERT_EQ(chosen->size(), 2u);
  EXPECT_EQ((*chosen)[0].name, "kernel") << "in the order of the list";
  EXPECT_THAT(std::string(ChosenChecks({"disc"}).status().message()), AllOf(HasSubstr("disc"), HasSubstr("disk")));
  EXPECT_EQ(ChosenChecks({})->size(), AllChecks().size());
}

// The names in the first column of the table of docs/doctor.md.
std::vector<std::string> NamesInManual() {
  std::vector<std::string> names;
  const std::string text = ReadFileAt(AT_FDCWD, CRISP_DOCTOR_MANUAL, 1 << 20).value();
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, "| `")) continue;
    line.remove_prefix(3);
    names.emplace_back(line.substr(0, line.find('`')));
  }
  return names;
}

TEST(CatalogTest, TheManualHasEveryFindingInTheOrderOfTheProgram) {
  std::vector<std::string> names;
  for (const CatalogEntry& entry : Catalog()) names.emplace_back(entry.name);
  EXPECT_THAT(NamesInManual(), ElementsAreArray(names));
}

TEST(CatalogTest, EveryCheckHasFindingsAndEveryFindingACheck) {
  std::vector<std::string> checks;
  for (const CatalogEntry& entry : Catalog()) {
    const std::string name = entry.name;
    const std::string check = name.substr(0, name.find('.'));
    if (checks.empty() || checks.back() != check) checks.push_back(check);
  }
  std::vector<std::string> all;
  for (const Check& check : AllChecks()) all.push_back(check.name);
  EXPECT_THAT(checks, ElementsAreArray(all));
}

// A name that a check gives and the catalog lacks would be in no manual.
TEST(CatalogTest, WhatTheChecksFindHereIsInTheCatalog) {
  FakeHost host;
  host.subject.tree = HostTree();
  for (const CheckReport& report : RunChecks(AllChecks(), std::make_shared<Subject>(host.subject))) {
    EXPECT_FALSE(report.findings.empty()) << report.name;
    for (const Finding& finding : report.findings) Named(report.findings, finding.name);
  }
}

}  // namespace
}  // namespace crisp
