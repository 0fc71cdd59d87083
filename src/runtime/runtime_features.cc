#include "runtime/runtime_features.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/call_context.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "os/process.h"
#include "runtime/oci_runtime.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kPatience{10};

const json& At(const json& value, const char* key) {
  static const json kNothing;
  if (!value.is_object()) return kNothing;
  const auto found = value.find(key);
  return found == value.end() ? kNothing : *found;
}

bool Lists(const json& list, const char* text) {
  return list.is_array() && std::find(list.begin(), list.end(), text) != list.end();
}

absl::StatusOr<CommandResult> Ask(const std::string& binary, const char* question, const CallContext& call) {
  return RunCommand(RuntimeCommand(binary, {question}), call.Within(kPatience));
}

}  // namespace

absl::StatusOr<RuntimeFeatures> ParseRuntimeFeatures(absl::string_view text) {
  ASSIGN_OR_RETURN(const json features, ParseJsonObject(text));
  RuntimeFeatures result;
  result.recursive_readonly = Lists(At(features, "mountOptions"), "rro");
  const json& linux_part = At(features, "linux");
  result.user_namespace = Lists(At(linux_part, "namespaces"), "user");
  result.idmapped_mounts = At(At(At(linux_part, "mountExtensions"), "idmap"), "enabled") == true;
  // runc 1.4 says it with the line's end.
  const json& version = At(At(features, "annotations"), "org.opencontainers.runc.version");
  if (version.is_string()) {
    result.runc_version = std::string(absl::StripAsciiWhitespace(version.get_ref<const std::string&>()));
  }
  return result;
}

std::optional<RuntimeFeatures> FeaturesOfOldRuntime(absl::string_view version) {
  const bool is_runc = absl::ConsumePrefix(&version, "runc version ");
  if (!is_runc && !absl::ConsumePrefix(&version, "crun version ")) return std::nullopt;
  const absl::string_view number = version.substr(0, version.find_first_of(" \r\n"));
  if (is_runc) return RuntimeFeatures{.runc_version = std::string(number)};
  const std::vector<absl::string_view> parts = absl::StrSplit(number, '.');
  int major = 0, minor = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor)) {
    return std::nullopt;
  }
  if (std::pair(major, minor) < std::pair(1, 5)) return std::nullopt;
  return RuntimeFeatures{.recursive_readonly = true, .idmapped_mounts = true, .user_namespace = true};
}

absl::StatusOr<RuntimeFeatures> AskRuntimeFeatures(const std::string& binary, const CallContext& call) {
  ASSIGN_OR_RETURN(const CommandResult features, Ask(binary, "features", call), binary, " features");
  if (features.ok()) {
    ASSIGN_OR_RETURN(RuntimeFeatures parsed, ParseRuntimeFeatures(features.output), binary, " features");
    return parsed;
  }
  ASSIGN_OR_RETURN(const CommandResult version, Ask(binary, "--version", call), binary, " --version");
  if (version.ok()) {
    if (const auto old = FeaturesOfOldRuntime(version.output)) return *old;
  }
  return absl::InternalError(absl::StrCat(binary, " features: ", features.Describe()));
}

}  // namespace crisp
