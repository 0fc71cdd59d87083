#include "config_text/check.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/key_path.h"

namespace crisp {
namespace {

const char* NameOf(KeyVerdict verdict) {
  switch (verdict) {
    case KeyVerdict::kHonoured:
      return "honoured";
    case KeyVerdict::kDefault:
      return "default";
    case KeyVerdict::kNoEffect:
      return "no effect";
    case KeyVerdict::kUnknown:
      return "unknown";
    case KeyVerdict::kRenamed:
      return "renamed";
    case KeyVerdict::kRefused:
      return "refused";
  }
  return "";
}

std::string Statement(const KeyFinding& finding) {
  if (finding.path.empty()) return "the file";
  const bool has_value = finding.key != nullptr && !finding.value.shown.empty() && !finding.key->secret;
  return absl::StrCat(ShowPath(finding.path), has_value ? " = " : "", has_value ? finding.value.shown : "");
}

// What is to be done where the remark does not say it.
std::string AdviceFor(const KeyFinding& finding, const std::string& remark) {
  if (finding.verdict == KeyVerdict::kUnknown && !absl::StrContains(remark, "did you mean")) {
    return "; correct its name, or remove it";
  }
  return "";
}

class Checker {
 public:
  explicit Checker(const Reading& reading) : reading_(reading) {}

  CheckResult Check() {
    result_.warnings = static_cast<int>(reading_.warnings.size());
    for (const std::string& file : reading_.files) AddFile(file);
    AddSum();
    return result_;
  }

 private:
  void AddFile(const std::string& file) {
    absl::StrAppend(&result_.text, file, "\n");
    for (const KeyFinding& finding : reading_.findings) {
      if (finding.file == file) Add(finding);
    }
  }

  void Add(const KeyFinding& finding) {
    ++counts_[finding.verdict];
    const std::string line = finding.line == 0 ? "" : absl::StrCat(finding.line);
    absl::StrAppendFormat(&result_.text, "%6s  %-9s  %s\n", line, NameOf(finding.verdict), Statement(finding));
    for (const std::string& remark : finding.remarks) {
      absl::StrAppendFormat(&result_.text, "%19s%s%s\n", "", remark, AdviceFor(finding, remark));
    }
    if (finding.verdict == KeyVerdict::kRefused) ++result_.refused;
  }

  void AddSum() {
    std::vector<std::string> parts;
    for (const auto& [verdict, count] : counts_) parts.push_back(absl::StrCat(count, " ", NameOf(verdict)));
    absl::StrAppend(&result_.text, "\n", absl::StrJoin(parts, ", "), parts.empty() ? "no keys" : "", ": ",
                    result_.refused > 0    ? "crispd does not start with it"
                    : result_.warnings > 0 ? absl::StrCat("crispd starts, with ", result_.warnings,
                                                          result_.warnings == 1 ? " warning" : " warnings")
                                           : "crispd starts",
                    "\n");
  }

  const Reading& reading_;
  CheckResult result_;
  std::map<KeyVerdict, int> counts_;
};

}  // namespace

CheckResult CheckFile(const Reading& reading) {
  return Checker(reading).Check();
}

}  // namespace crisp
