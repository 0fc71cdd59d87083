#include "doctor/runtime_check.h"

#include <unistd.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "daemon/programs.h"
#include "doctor/finding.h"
#include "doctor/subject.h"
#include "os/process.h"
#include "runtime/known_holes.h"
#include "runtime/oci_runtime.h"
#include "runtime/runtime_features.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kProgramTime{3};  // for one run of a program

absl::StatusOr<std::string> VersionOutput(const std::string& program, const CallContext& call) {
  ASSIGN_OR_RETURN(const CommandResult result,
                   RunCommand(RuntimeCommand(program, {"--version"}), call.Within(kProgramTime)));
  if (result.ok()) return result.output;
  return absl::InternalError(result.Describe());
}

// Without it no pod of the runtime starts; without the default one hardly any.
void Unusable(const std::string& name, bool is_default, const std::string& why, const std::string& remedy,
              Findings* findings) {
  findings->Add(is_default ? Verdict::kProblem : Verdict::kWarning, "program", absl::StrCat("runtime ", name),
                absl::StrCat(why, is_default ? "; it is the default one: crispd runs no pod" : "; it refuses its pods"),
                remedy);
}

void LookAtFeatures(const std::string& program, const CallContext& call, Findings* findings) {
  const absl::StatusOr<RuntimeFeatures> features = AskRuntimeFeatures(program, call.Within(kProgramTime));
  if (!features.ok()) {
    return findings->Warn("features", program, std::string(features.status().message()),
                          "a runtime that answers to \"features\"; until then crispd claims none");
  }
  std::vector<std::string> missing;
  if (!features->recursive_readonly) missing.emplace_back("recursive read-only mounts");
  if (!features->user_namespace || !features->idmapped_mounts)
    missing.emplace_back("user namespaces with idmapped mounts");
  if (missing.empty()) return findings->Ok("features", program, "all that crispd offers to the kubelet");
  findings->Note("features", program, absl::StrCat("does not have: ", absl::StrJoin(missing, ", ")),
                 "runc 1.2 or crun, if pods need them");
}

void LookAtRuntime(const std::string& name, const RuntimeHandlerConfig& config, bool is_default,
                   const CallContext& call, Findings* findings) {
  if (!config.unusable.empty()) {
    return Unusable(name, is_default, config.unusable,
                    "remove the runtime from the configuration, or make it one of runc's kind", findings);
  }
  const auto program = FindProgram(config.binary_name.empty() ? kDefaultRuntimeProgram : config.binary_name);
  if (!program.ok()) {
    return Unusable(name, is_default, std::string(program.status().message()), "install it, or set BinaryName",
                    findings);
  }
  const absl::StatusOr<std::string> output = VersionOutput(*program, call);
  if (!output.ok()) {
    return Unusable(name, is_default, absl::StrCat(*program, " --version: ", output.status().message()),
                    "run it by hand; reinstall it", findings);
  }
  findings->Ok("program", absl::StrCat("runtime ", name), *program);
  JudgeVersion(*program, ParseVersionLine(*output), findings);
  LookAtFeatures(*program, call, findings);
}

void LookAtShim(const Subject& subject, const CallContext& call, Findings* findings) {
  const absl::StatusOr<std::string> shim = FindShim(subject.config.crisp.shim);
  if (!shim.ok()) {
    return findings->Problem("shim", "crisp-shim", std::string(shim.status().message()),
                             "install it beside crispd, or set shim in [crisp]");
  }
  const absl::StatusOr<std::string> output = VersionOutput(*shim, call);
  const std::string wanted = absl::StrCat("crisp-shim ", CRISP_VERSION);
  if (output.ok() && absl::StripAsciiWhitespace(*output) == wanted) return findings->Ok("shim", *shim, wanted);
  if (access(shim->c_str(), X_OK) != 0) {
    return findings->Problem("shim", *shim, "cannot be run: no pod starts", "install it, or set shim in [crisp]");
  }
  findings->Warn(
      "shim", *shim,
      output.ok() ? absl::StrCat("is \"", absl::StripAsciiWhitespace(*output), "\", and this is crispd ", CRISP_VERSION)
                  : absl::StrCat("does not tell its version: ", output.status().message()),
      "install crispd and crisp-shim of one version");
}

}  // namespace

ProgramVersion ParseVersionLine(absl::string_view output) {
  const std::vector<std::string> words = absl::StrSplit(output.substr(0, output.find('\n')), ' ', absl::SkipEmpty());
  if (words.size() < 3 || words[1] != "version") return {};
  return {words[0], words[2]};
}

void JudgeVersion(const std::string& program, const ProgramVersion& version, Findings* findings) {
  if (version.name.empty()) return findings->Note("version", program, "does not tell its version in a known form");
  const std::string text = absl::StrCat(version.name, " ", version.version);
  findings->Ok("version", program, text);
  const std::string holes = AllHolesOf(version.name, version.version);
  if (holes.empty()) return findings->Ok("vulnerabilities", text, "none is known to crispd");
  // What stands behind the number is a distribution's, which patches without changing it.
  const bool patched = version.version.find_first_of("+~-") != std::string::npos;
  findings->Add(patched ? Verdict::kWarning : Verdict::kProblem, "vulnerabilities", text,
                absl::StrCat("this version has ", holes, patched ? ", unless the distribution has patched it" : ""),
                patched ? "look in the package's changelog for these numbers, or install a newer release"
                        : "install a newer release; running containers are not disturbed");
}

void CheckRuntimes(const Subject& subject, Findings* findings, const CallContext& call) {
  LookAtShim(subject, call, findings);
  for (const auto& [name, config] : subject.config.runtimes) {
    LookAtRuntime(name, config, name == subject.config.default_runtime_name, call, findings);
  }
}

}  // namespace crisp
