#include "doctor/render.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "base/json.h"

namespace crisp {
namespace {

constexpr size_t kVerdicts = 4;

// ECMA-48, "Select Graphic Rendition": none, cyan, yellow, bold red.
const char* ColourOf(Verdict verdict) {
  constexpr std::array<const char*, kVerdicts> kColours = {"", "\x1b[36m", "\x1b[33m", "\x1b[1;31m"};
  return kColours[static_cast<size_t>(verdict)];
}

std::string Painted(Verdict verdict, const std::string& text, bool colours) {
  const absl::string_view colour = ColourOf(verdict);
  return colours && !colour.empty() ? absl::StrCat(colour, text, "\x1b[0m") : text;
}

void AppendFinding(const Finding& finding, bool colours, std::string* text) {
  const std::string word = NameOf(finding.verdict);
  const std::string padding(8 - word.size(), ' ');
  const absl::string_view item = absl::string_view(finding.name).substr(finding.name.find('.') + 1);
  absl::StrAppend(text, "  ", Painted(finding.verdict, word, colours), padding, item, ": ", finding.object,
                  finding.object.empty() ? "" : ": ", finding.text, "\n");
  if (!finding.remedy.empty()) absl::StrAppend(text, "          -> ", finding.remedy, "\n");
}

Verdict VerdictOf(const CheckReport& report) {
  return WorstOf({report});
}

std::string Summary(const std::vector<CheckReport>& reports) {
  std::array<int, kVerdicts> counts{};
  for (const CheckReport& report : reports) {
    for (const Finding& finding : report.findings) ++counts[static_cast<size_t>(finding.verdict)];
  }
  const auto count = [&](Verdict verdict) { return counts[static_cast<size_t>(verdict)]; };
  return absl::StrCat("problems: ", count(Verdict::kProblem), ", warnings: ", count(Verdict::kWarning),
                      ", notes: ", count(Verdict::kNote), ", ok: ", count(Verdict::kOk), "\n");
}

Json ToJson(const Finding& finding) {
  return {{"name", finding.name},
          {"verdict", NameOf(finding.verdict)},
          {"object", finding.object},
          {"finding", finding.text},
          {"remedy", finding.remedy}};
}

Json ToJson(const CheckReport& report) {
  Json findings = Json::array();
  for (const Finding& finding : report.findings) findings.push_back(ToJson(finding));
  return {{"name", report.name},
          {"title", report.title},
          {"verdict", NameOf(VerdictOf(report))},
          {"milliseconds", report.milliseconds},
          {"findings", std::move(findings)}};
}

}  // namespace

std::string ReportText(const std::vector<CheckReport>& reports, bool colours) {
  std::string text;
  for (const CheckReport& report : reports) {
    absl::StrAppend(&text, report.title, " (", report.name, ")\n");
    for (const Finding& finding : report.findings) AppendFinding(finding, colours, &text);
  }
  absl::StrAppend(&text, "\n", Summary(reports));
  return text;
}

std::string ReportJson(const std::vector<CheckReport>& reports) {
  Json checks = Json::array();
  for (const CheckReport& report : reports) checks.push_back(ToJson(report));
  return DumpJson({{"version", CRISP_VERSION}, {"verdict", NameOf(WorstOf(reports))}, {"checks", std::move(checks)}});
}

}  // namespace crisp
