#include "doctor/command.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "doctor/all_checks.h"
#include "doctor/finding.h"
#include "doctor/render.h"
#include "doctor/runner.h"

namespace crisp {
namespace {

// NO_COLOR: https://no-color.org
bool WantsColours() {
  return isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nullptr;
}

}  // namespace

absl::StatusOr<std::vector<Check>> ChosenChecks(const std::vector<std::string>& names) {
  std::vector<Check> all = AllChecks();
  if (names.empty()) return all;
  for (const std::string& name : names) {
    if (std::any_of(all.begin(), all.end(), [&](const Check& check) { return check.name == name; })) continue;
    const auto add_name = [](std::string* text, const Check& check) { absl::StrAppend(text, check.name); };
    return absl::InvalidArgumentError(
        absl::StrCat("there is no check \"", name, "\"; there are: ", absl::StrJoin(all, ", ", add_name)));
  }
  std::erase_if(all,
                [&](const Check& check) { return std::find(names.begin(), names.end(), check.name) == names.end(); });
  return all;
}

Answer RunDoctor(const DoctorArguments& arguments) {
  const absl::StatusOr<std::vector<Check>> checks = ChosenChecks(arguments.checks);
  if (!checks.ok()) return {kExitUsage, "", absl::StrCat("crispd doctor: ", checks.status().message(), "\n")};
  signal(SIGPIPE, SIG_IGN);  // of a registry that hangs up in the middle of TLS
  // What the rooms would warn of is in the findings.
  SetLogOptions({.level = LogLevel::kError});
  const std::vector<CheckReport> reports = RunChecks(*checks, std::make_shared<Subject>(SubjectOf(arguments.options)));
  Answer answer;
  answer.out = arguments.json ? absl::StrCat(ReportJson(reports), "\n") : ReportText(reports, WantsColours());
  answer.status = WorstOf(reports) == Verdict::kProblem ? kExitBad : kExitOk;
  return answer;
}

}  // namespace crisp
