// The check "runtime": the OCI runtimes and the shim: programs, versions, known vulnerabilities, features.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

class CallContext;
class Findings;
struct Subject;

// The first line of a program's --version: "runc version 1.1.5+ds1". Both are empty for a line of another form.
struct ProgramVersion {
  std::string name;
  std::string version;
};
ProgramVersion ParseVersionLine(absl::string_view output);

void JudgeVersion(const std::string& program, const ProgramVersion& version, Findings* findings);

void CheckRuntimes(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
